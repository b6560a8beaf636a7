// SPDX-License-Identifier: GPL-2.0
/*
 * A device-dax mapping as an RDMA memory region: registered, written to and read
 * from by RDMA through a loopback connection, checked, deregistered. The device
 * loses what it holds. Needs libibverbs and an RDMA device with an IPv4 address.
 * usage: devdax_rdma DEVICE (like dax0.0)
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <infiniband/verbs.h>

#include "devdax.h"

#define PORT		1
#define LEN		(1UL << 20)	/* of a transfer, but never of all */

static unsigned long vmstat_number(const char *key)
{
	char name[64];
	unsigned long value = 0;
	FILE *file = fopen("/proc/vmstat", "r");

	if (!file)
		err(1, "/proc/vmstat");
	while (fscanf(file, "%63s %lu", name, &value) == 2)
		if (!strcmp(name, key))
			break;
	fclose(file);
	return value;
}

/* Pages that are pinned now, by anybody */
static unsigned long pinned(void)
{
	/* To read this is to have every processor add what it keeps to itself. */
	int fd = open("/proc/sys/vm/stat_refresh", O_RDONLY);
	char byte;

	if (fd < 0 || read(fd, &byte, 1) < 0)
		err(1, "/proc/sys/vm/stat_refresh");
	close(fd);
	return vmstat_number("nr_foll_pin_acquired") - vmstat_number("nr_foll_pin_released");
}

/* The GID that is an IPv4 address, for there may be no IPv6 to reach others by */
static int ipv4_gid(struct ibv_context *context, union ibv_gid *gid)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	int i;

	for (i = 0; !ibv_query_gid(context, PORT, i, gid); i++)
		if (!memcmp(gid->raw, prefix, sizeof(prefix)))
			return i;
	errx(1, "%s has no GID that is an IPv4 address",
	     ibv_get_device_name(context->device));
}

static struct ibv_qp *create_qp(struct ibv_pd *pd, struct ibv_cq *cq)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {
			.max_send_wr = 4, .max_recv_wr = 4,
			.max_send_sge = 1, .max_recv_sge = 1,
		},
		.qp_type = IBV_QPT_RC,
	};
	struct ibv_qp *qp = ibv_create_qp(pd, &init);

	if (!qp)
		err(1, "ibv_create_qp");
	return qp;
}

static void connect_qp(struct ibv_qp *qp, uint32_t to, union ibv_gid *gid,
		       int gid_index)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = PORT,
		.qp_access_flags = IBV_ACCESS_REMOTE_READ |
				   IBV_ACCESS_REMOTE_WRITE,
	};

	if (ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			  IBV_QP_PORT | IBV_QP_ACCESS_FLAGS))
		err(1, "to INIT");

	memset(&attr, 0, sizeof(attr));
	attr.qp_state = IBV_QPS_RTR;
	attr.path_mtu = IBV_MTU_1024;
	attr.dest_qp_num = to;
	attr.max_dest_rd_atomic = 1;
	attr.min_rnr_timer = 12;
	attr.ah_attr.is_global = 1;
	attr.ah_attr.port_num = PORT;
	attr.ah_attr.grh.dgid = *gid;
	attr.ah_attr.grh.sgid_index = gid_index;
	attr.ah_attr.grh.hop_limit = 1;
	if (ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV |
			  IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			  IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
		err(1, "to RTR");

	memset(&attr, 0, sizeof(attr));
	attr.qp_state = IBV_QPS_RTS;
	attr.timeout = 20;
	attr.retry_cnt = 7;
	attr.rnr_retry = 7;
	attr.max_rd_atomic = 1;
	if (ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
			  IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
			  IBV_QP_MAX_QP_RD_ATOMIC))
		err(1, "to RTS");
}

/* One transfer, and wait for it. */
static void transfer(struct ibv_qp *qp, struct ibv_cq *cq,
		     enum ibv_wr_opcode opcode, struct ibv_mr *mr,
		     char *local, char *remote)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)local, .length = LEN, .lkey = mr->lkey,
	};
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge, .num_sge = 1,
		.opcode = opcode,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = {
			.remote_addr = (uintptr_t)remote, .rkey = mr->rkey,
		},
	};
	struct ibv_wc wc;
	int nr;

	if (ibv_post_send(qp, &wr, &bad))
		err(1, "ibv_post_send");
	do {
		nr = ibv_poll_cq(cq, 1, &wc);
	} while (!nr);
	if (nr < 0 || wc.status != IBV_WC_SUCCESS)
		errx(1, "RDMA: %s", nr < 0 ? "no completion" :
		     ibv_wc_status_str(wc.status));
}

static void fill(char *p, unsigned int seed)
{
	unsigned long i;

	for (i = 0; i < LEN / sizeof(uint32_t); i++)
		((uint32_t *)p)[i] = seed * 2654435761u + i;
}

static void check(const char *what, const char *p, unsigned int seed)
{
	char *want = malloc(LEN);

	fill(want, seed);
	if (memcmp(p, want, LEN))
		errx(1, "%s: not what was sent", what);
	free(want);
}

int main(int argc, char **argv)
{
	unsigned long size, half, before, page_size = sysconf(_SC_PAGESIZE);
	struct ibv_device **devices;
	struct ibv_context *context;
	struct ibv_qp *one, *other;
	char *p;
	union ibv_gid gid;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	int nr, index, i;

	if (argc != 2) {
		fprintf(stderr, "usage: devdax_rdma DEVICE (like dax0.0)\n");
		return 2;
	}
	half = sysfs_number(argv[1], "align");
	if (half < 2 * LEN)
		half = 2 * LEN;
	size = 2 * half;
	p = map_device(argv[1], size);

	devices = ibv_get_device_list(&nr);
	if (!devices || !nr)
		errx(1, "no RDMA device; rdma link add rxe0 type rxe netdev ...");
	context = ibv_open_device(devices[0]);
	if (!context)
		err(1, "ibv_open_device");
	index = ipv4_gid(context, &gid);
	pd = ibv_alloc_pd(context);
	cq = ibv_create_cq(context, 8, NULL, NULL, 0);
	if (!pd || !cq)
		err(1, "ibv_alloc_pd, ibv_create_cq");
	one = create_qp(pd, cq);
	other = create_qp(pd, cq);
	connect_qp(one, other->qp_num, &gid, index);
	connect_qp(other, one->qp_num, &gid, index);

	before = pinned();
	mr = ibv_reg_mr(pd, p, size, IBV_ACCESS_LOCAL_WRITE |
			IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	if (!mr)
		err(1, "ibv_reg_mr of %lu bytes", size);
	if (pinned() - before != size / page_size)
		errx(1, "%lu pages are pinned, of %lu", pinned() - before,
		     size / page_size);

	/*
	 * From the start to over the boundary between two pages, and on. What
	 * another run has left must not be taken for what this one moves.
	 */
	memset(p + half - LEN / 2, 0, LEN);
	fill(p, 1);
	transfer(one, cq, IBV_WR_RDMA_WRITE, mr, p, p + half - LEN / 2);
	check("RDMA write", p + half - LEN / 2, 1);
	fill(p + half - LEN / 2, 2);
	memset(p + size - LEN, 0, LEN);
	transfer(one, cq, IBV_WR_RDMA_READ, mr, p + size - LEN,
		 p + half - LEN / 2);
	check("RDMA read", p + size - LEN, 2);

	/* A queue pair may use the region until it is gone, some time after. */
	if (ibv_dereg_mr(mr) || ibv_destroy_qp(one) || ibv_destroy_qp(other))
		err(1, "ibv_dereg_mr, ibv_destroy_qp");
	for (i = 0; i < 100 && pinned() != before; i++)
		usleep(100000);
	if (pinned() != before)
		errx(1, "%ld pages are pinned still", (long)(pinned() - before));
	return 0;
}
