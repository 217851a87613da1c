/* SPDX-License-Identifier: MIT */
/* The doctor inside: what checks have in hand, and how they say what they found. */
#ifndef CTL_DOCTOR_PRIV_H
#define CTL_DOCTOR_PRIV_H

#include "ctl/doctor.h"
#include "offload/ethtool.h"
#include "offload/profile.h"
#include "offload/queues.h"

enum { DOCTOR_NAME = 108 }; /* bytes of a device's name; hwsim's is the path of a socket */

/* The device in hand. What could not be read has its error, 0 or -errno. */
struct doctor_device {
	char name[DOCTOR_NAME];
	int ifindex;
	int driver_err, features_err, channels_err, rss_err, queues_err;
	char driver[ETHTOOL_NAME];
	const struct offload_profile *profile;
	struct nic_features features;
	struct nic_channels channels;
	struct nic_rss rss;
	struct queues *queues;
	unsigned int
		packet_taken[2];   /* in, out: kinds of SAs that a trial had accepted in packet mode (doctor_probe.c) */
	unsigned int trials_taken; /* trial SAs that were installed */
};

struct doctor {
	const struct doctor_config *config;
	struct ethtool *ethtool; /* of the device in hand; NULL: not open, or it has not answered in time */
	struct xfrm *xfrm;       /* the same */
	struct doctor_device device;
};

/* A row. `run` leaves text empty when there is nothing to say. */
struct doctor_check {
	const char *name;
	void (*run)(struct doctor *d, const struct doctor_check *row, struct doctor_line *l);
	bool kernel; /* of the kernel's IPsec or its files: a card of keyrack-hwsim has nothing to do with them */
	const char *source;
};

/* What is, and what to do: replaces what was said. */
void doctor_say(struct doctor_line *l, enum doctor_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_advise(struct doctor_line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* More of a list: ", " between, nothing before the first; cut at `size`. */
void doctor_list(char *list, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- doctor_files.c: below config->root ---- */

/* The first bytes of a file, without the newline at its end. 0 or -errno. */
int doctor_file_read(const struct doctor *d, char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Each line of a file, which may be gzipped, until `line` answers false. 0 or -errno. */
int doctor_file_lines(const struct doctor *d, bool (*line)(void *ctx, char *text), void *ctx, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Names of a directory that begin with `prefix`. 0 or -errno. */
int doctor_file_names(const struct doctor *d, const char *prefix, void (*name)(void *ctx, const char *name), void *ctx,
		      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A number in a file, decimal or with 0x; -errno: it is not there or no number. */
int64_t doctor_file_number(const struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Where a link points. 0 or -errno. */
int doctor_file_link(const struct doctor *d, char *to, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- doctor_ask.c: requests that are waited for, a few seconds at most ---- */

/* The ethtool driver for a device. 0 or -errno. */
int doctor_ethtool_open(struct doctor *d, int ifindex);
void doctor_ethtool_close(struct doctor *d);
/* 0 or -errno: the device's answer, or -ETIMEDOUT; after that one the driver is closed. */
int doctor_ask_features(struct doctor *d, struct nic_features *out);
int doctor_ask_channels(struct doctor *d, struct nic_channels *out);
int doctor_ask_rss(struct doctor *d, struct nic_rss *out);
int doctor_ask_driver(struct doctor *d, char out[ETHTOOL_NAME]);
/* The queue map of the device in hand, for the caller to free after doctor_ethtool_close(). */
int doctor_ask_queues(struct doctor *d, const struct queues_config *config, struct queues **out);

/* What a request to XFRM ended with. */
struct doctor_answer {
	int err; /* 0 or -errno; -ETIMEDOUT: none came, and the driver is closed */
	enum offload_mode mode;
	char text[DOCTOR_TEXT / 2]; /* the kernel's words; empty: none */
};

/* 0 or -errno: no socket. */
int doctor_xfrm_open(struct doctor *d);
void doctor_xfrm_close(struct doctor *d);
/* Installs an SA and takes it away again, whatever happens; a.err and a.text are of the install. */
struct doctor_answer doctor_ask_trial(struct doctor *d, const struct xfrm_sa *sa, const struct xfrm_key *key);
/* Every policy. */
int doctor_ask_policies(struct doctor *d, void (*each)(void *ctx, const struct xfrm_policy_cfg *policy), void *ctx);

/* ---- the checks ---- */

typedef void doctor_check_run(struct doctor *d, const struct doctor_check *row, struct doctor_line *l);

/* doctor_kernel.c. release_is: the kernel is at least that version; true when the release cannot be read. */
bool doctor_release_is(const char *release, unsigned int major, unsigned int minor, unsigned int patch);
doctor_check_run doctor_kernel_check, doctor_options_check, doctor_module_check, doctor_larval_check,
	doctor_clock_check;
/* doctor_process.c */
doctor_check_run doctor_privileges_check, doctor_limits_check, doctor_ike_check, doctor_keyrackd_check;
/* doctor_policy.c */
doctor_check_run doctor_policies_check;
/* doctor_device.c. open: the facts of a device are read; 0, or -errno: there is none of that name. */
int doctor_device_open(struct doctor *d, const char *name);
void doctor_device_close(struct doctor *d);
/* The devices that offload ESP, by what they say. Returns how many; if none, `seen` lists what there is. */
unsigned int doctor_devices_find(struct doctor *d, char (*names)[DOCTOR_NAME], unsigned int max, char *seen,
				 size_t size);
doctor_check_run doctor_link_check, doctor_features_check, doctor_profile_check, doctor_table_check;
/* doctor_rdma.c */
doctor_check_run doctor_rdma_check;
/* doctor_mtu.c */
doctor_check_run doctor_mtu_check;
/* doctor_queues.c */
doctor_check_run doctor_channels_check, doctor_rss_check, doctor_irq_check, doctor_xps_check, doctor_steering_check;
/* doctor_probe.c */
doctor_check_run doctor_probe_off_check, doctor_probe_check;

/* Whether what keyrackd says is about the device in hand. */
bool doctor_keyrackd_has(const struct doctor *d);

#endif
