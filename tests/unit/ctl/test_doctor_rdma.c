/* SPDX-License-Identifier: MIT */
/* What the doctor says of RDMA: found by interface, by address, by both, by neither; and that libraries are not heard.
 */
#include "doctor_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the libraries answer. */
static struct {
	int err; /* by interface */
	struct verbs_device device;
	unsigned int addresses;
	const char *at[3]; /* the device that each address leads to; NULL: none */
	const char *noise; /* on standard error; NULL: none */
} said;

static int by_ifindex(unsigned int ifindex, struct verbs_device *out)
{
	assert_int_equal(ifindex, DOCTOR_RIG_IFINDEX);
	if (said.noise)
		fputs(said.noise, stderr);
	if (!said.err)
		*out = said.device;
	return said.err;
}

static int by_addr(const struct xfrm_addr *addr, struct verbs_device *out)
{
	const char *name = said.at[addr->ip[3] - 1];

	assert_int_equal(addr->family, AF_INET);
	if (!name)
		return -ENODEV;
	*out = (struct verbs_device){.port = 1};
	snprintf(out->name, sizeof(out->name), "%s", name);
	return 0;
}

/* 192.0.2.1, .2, ... */
static unsigned int addresses(const char *device, struct xfrm_addr *out, unsigned int max)
{
	assert_string_equal(device, "eth7");
	assert_true(said.addresses <= max);
	for (unsigned int i = 0; i < said.addresses; i++)
		out[i] = (struct xfrm_addr){AF_INET, {192, 0, 2, (uint8_t)(i + 1)}};
	return said.addresses;
}

static struct doctor_rig *rig(void)
{
	struct doctor_rig *r = doctor_rig_card("cx7", 4, 0);

	r->config.rdma_by_ifindex = by_ifindex;
	r->config.rdma_by_addr = by_addr;
	r->config.addresses = addresses;
	memset(&said, 0, sizeof(said));
	said.device = (struct verbs_device){
		.name = "mlx5_0", .port = 1, .active = true, .ethernet = true, .mtu = 4096, .max_qp = 100};
	return r;
}

static void a_device(void **state)
{
	struct doctor_rig *r = rig();

	(void)state;
	said.addresses = 2;
	said.at[0] = said.at[1] = "mlx5_0";
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_OK,
			  "mlx5_0 port 1, RoCE, active, MTU 4096, 100 queue pairs, no RSS of its own; 2 of 2 addresses "
			  "lead to it");
	assert_string_equal(doctor_rig_line(r, "rdma")->todo, "");

	said.device.rss_tables = 64;
	said.device.rss_table_size = 512;
	said.device.rss_toeplitz = true;
	said.device.rss_spi = true;
	said.device.ethernet = false;
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_OK, "InfiniBand");
	doctor_rig_expect(r, "rdma", DOCTOR_OK, "RSS with 64 tables of up to 512 entries, Toeplitz, hashes the SPI");

	said.addresses = 0;
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_OK, "no address to find it by");

	said.device.active = false;
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_WARNING, "ibv_devinfo -d mlx5_0");
	doctor_rig_free(r);
}

static void an_address_leads_elsewhere(void **state)
{
	struct doctor_rig *r = rig();

	(void)state;
	said.addresses = 3;
	said.at[0] = "mlx5_0";
	said.at[1] = "mlx5_1";
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_WARNING, "1 of 3 addresses lead to it, 192.0.2.2 leads to mlx5_1 port 1");
	said.at[1] = "mlx5_0";
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_WARNING, "2 of 3 addresses lead to it, 192.0.2.3 leads to none");
	doctor_rig_expect(r, "rdma", DOCTOR_WARNING, "rdma_ucm is not loaded");
	doctor_rig_free(r);
}

static void none(void **state)
{
	struct doctor_rig *r = rig();

	(void)state;
	said.err = -ENODEV;
	said.addresses = 1;
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_OK, "none");
	assert_string_equal(doctor_rig_line(r, "rdma")->text, "none");

	said.at[0] = "mlx5_1";
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_INFO, "none by interface, but 192.0.2.1 leads to mlx5_1 port 1");

	said.at[0] = NULL;
	said.err = -EACCES;
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_INFO, "none that could be opened: Permission denied");
	doctor_rig_free(r);
}

/* What a library prints comes to nobody's terminal; where it may be why there is no device, it is in the line. */
static void noise_is_caught(void **state)
{
	int file = memfd_create("stderr", MFD_CLOEXEC), kept = dup(STDERR_FILENO);
	struct doctor_rig *r = rig();
	struct stat heard;

	(void)state;
	assert_true(file >= 0 && kept >= 0);
	said.noise = "libibverbs: Warning: no driver\nand more\n";
	said.err = -ENODEV;
	assert_true(dup2(file, STDERR_FILENO) >= 0);
	doctor_rig_run(r);
	(void)dup2(kept, STDERR_FILENO);
	assert_int_equal(fstat(file, &heard), 0);
	assert_int_equal(heard.st_size, 0);
	doctor_rig_expect(r, "rdma", DOCTOR_INFO, "none; libibverbs: Warning: no driver");
	assert_null(strstr(doctor_rig_line(r, "rdma")->text, "more"));

	said.err = 0;
	doctor_rig_run(r);
	doctor_rig_expect(r, "rdma", DOCTOR_OK, "mlx5_0");
	assert_null(strstr(doctor_rig_line(r, "rdma")->text, "Warning"));
	close(kept);
	close(file);
	doctor_rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device),
		cmocka_unit_test(an_address_leads_elsewhere),
		cmocka_unit_test(none),
		cmocka_unit_test(noise_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
