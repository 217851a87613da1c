/* SPDX-License-Identifier: MIT */
/* The fields of IKE SAs and Child SAs, named as charon names them; a few of ours (cpu, offload, window-*, count-*)
 * beside them.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/vici_server_impl.h"
#include "ike/message.h"

void vici_selectors_write(struct vici_writer *w, const char *list, const struct ike_ts *ts, unsigned int n)
{
	char text[160];

	vici_list(w, list);
	for (unsigned int i = 0; i < n; i++)
		vici_item(w, conf_ts_print(&ts[i], text, sizeof(text)));
	vici_list_end(w);
}

static void host_write(struct vici_writer *w, const char *host, const char *port, const struct ike_addr *a)
{
	char text[64];

	vici_text(w, host, conf_addr_print(a, text, sizeof(text)));
	vici_format(w, port, "%u", a->port);
}

static void id_write(struct vici_writer *w, const char *key, const struct ike_id *id)
{
	char text[2 * IKE_ID_LEN_MAX + 16];

	if (id)
		vici_text(w, key, conf_id_print(id, text, sizeof(text)));
}

static void spi_write(struct vici_writer *w, const char *key, const uint8_t spi[8])
{
	vici_format(w, key, "%016llx", (unsigned long long)get_be64(spi));
}

/* The algorithms that were chosen for an IKE SA. */
static void suite_write(struct vici_writer *w, const struct ike_proposal *p)
{
	static const struct {
		enum ike_transform_type type;
		const char *key, *keysize;
	} rows[] = {
		{IKE_T_ENCR, "encr-alg", "encr-keysize"},
		{IKE_T_INTEG, "integ-alg", NULL},
		{IKE_T_PRF, "prf-alg", NULL},
		{IKE_T_KE, "dh-group", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ike_alg *alg = ike_proposal_alg(p, (uint8_t)rows[i].type);

		if (!alg)
			continue;
		vici_text(w, rows[i].key, alg->name);
		if (rows[i].keysize && alg->key_bits)
			vici_format(w, rows[i].keysize, "%u", alg->key_bits);
	}
}

static void ike_times_write(struct vici_writer *w, const struct ike_sa_info *sa, uint64_t now)
{
	if (sa->state == IKE_SA_CONNECTING || !sa->established_ns)
		return;
	vici_format(w, "established", "%llu", (unsigned long long)vici_seconds(now - sa->established_ns));
	if (sa->rekey_ns)
		vici_format(w, "rekey-time", "%lld", ((long long)sa->rekey_ns - (long long)now) / 1000000000);
	if (sa->expire_ns)
		vici_format(w, "life-time", "%lld", ((long long)sa->expire_ns - (long long)now) / 1000000000);
}

void vici_ike_write(struct vici_writer *w, const struct ike_sa_info *sa, uint64_t now)
{
	vici_format(w, "uniqueid", "%u", sa->id);
	vici_text(w, "version", "2");
	vici_text(w, "state", ike_sa_state_name(sa->state));
	host_write(w, "local-host", "local-port", &sa->path.local);
	id_write(w, "local-id", sa->local_id);
	host_write(w, "remote-host", "remote-port", &sa->path.remote);
	id_write(w, "remote-id", sa->remote_id);
	vici_flag(w, "initiator", sa->initiator);
	spi_write(w, "initiator-spi", sa->spi_i);
	spi_write(w, "responder-spi", sa->spi_r);
	vici_flag(w, "nat-local", sa->nat_local);
	vici_flag(w, "nat-remote", sa->nat_remote);
	vici_flag(w, "nat-fake", sa->encap && !sa->nat_local && !sa->nat_remote);
	vici_flag(w, "nat-any", sa->encap || sa->nat_local || sa->nat_remote);
	suite_write(w, &sa->proposal);
	ike_times_write(w, sa, now);
	vici_flag(w, "count-sa", sa->count_sa);
	vici_flag(w, "optimized-rekey", sa->optimized_rekey);
	vici_format(w, "window-ours", "%u", sa->window_ours);
	vici_format(w, "window-peer", "%u", sa->window_peer);
	vici_format(w, "requests-in-flight", "%u", sa->requests_in_flight);
	vici_format(w, "requests-queued", "%u", sa->requests_queued);
}

static void child_suite_write(struct vici_writer *w, const struct ike_child_sa *sa)
{
	const struct ike_alg *encr = ike_alg_find(IKE_T_ENCR, sa->encr, sa->encr_bits);
	const struct ike_alg *integ = sa->integ ? ike_alg_find(IKE_T_INTEG, sa->integ, 0) : NULL;
	const struct ike_alg *ke = sa->ke ? ike_alg_find(IKE_T_KE, sa->ke, 0) : NULL;

	if (encr)
		vici_text(w, "encr-alg", encr->name);
	if (encr && sa->encr_bits)
		vici_format(w, "encr-keysize", "%u", sa->encr_bits);
	if (integ)
		vici_text(w, "integ-alg", integ->name);
	if (ke)
		vici_text(w, "dh-group", ke->name);
	if (sa->esn)
		vici_text(w, "esn", "1");
}

/* What was agreed by count-based SAs, and whether the last rekey was an optimized one. */
static void child_agreed_write(struct vici_writer *w, const struct ike_child_sa *sa)
{
	static const char *const rekeyers[] = {
		[IKE_REKEYER_NOBODY] = "nobody", [IKE_REKEYER_US] = "us", [IKE_REKEYER_THEM] = "peer"};

	if (sa->count.agreed) {
		vici_format(w, "count-bytes", "%llu", (unsigned long long)sa->count.bytes);
		vici_text(w, "count-rekeyer", rekeyers[sa->count.rekeyer]);
	}
	vici_flag(w, "optimized", sa->optimized);
}

struct half_keys {
	const char *bytes, *packets, *use;
};

static void half_write(struct vici_server *s, struct vici_writer *w, const struct controller_half *h,
		       const struct half_keys *keys)
{
	uint64_t unix_now = s->env.unix_time(s->env.ctx);

	vici_format(w, keys->bytes, "%llu", (unsigned long long)h->bytes);
	vici_format(w, keys->packets, "%llu", (unsigned long long)h->packets);
	if (h->use_time)
		vici_format(w, keys->use, "%llu",
			    (unsigned long long)(unix_now > h->use_time ? unix_now - h->use_time : 0));
}

static void child_times_write(struct vici_writer *w, const struct controller_child *child, uint64_t now)
{
	if (child->rekey_in_ns != UINT64_MAX)
		vici_format(w, "rekey-time", "%llu", (unsigned long long)vici_seconds(child->rekey_in_ns));
	if (child->hard_in_ns != UINT64_MAX)
		vici_format(w, "life-time", "%llu", (unsigned long long)vici_seconds(child->hard_in_ns));
	vici_format(w, "install-time", "%llu",
		    (unsigned long long)(child->installed_ns && child->installed_ns < now
						 ? vici_seconds(now - child->installed_ns)
						 : 0));
}

void vici_child_write(struct vici_server *s, struct vici_writer *w, const struct controller_child *child, uint64_t now)
{
	static const struct half_keys in = {"bytes-in", "packets-in", "use-in"},
				      out = {"bytes-out", "packets-out", "use-out"};
	const struct ike_child_sa *sa = child->ike;

	vici_text(w, "name", sa && sa->cfg ? sa->cfg->name : "child");
	vici_format(w, "uniqueid", "%u", child->id);
	vici_format(w, "reqid", "%u", child->reqid);
	vici_text(w, "state", child_state_name(child->state));
	if (!sa)
		return;
	vici_text(w, "mode", sa->mode == IKE_MODE_TRANSPORT ? "TRANSPORT" : "TUNNEL");
	vici_text(w, "protocol", "ESP");
	vici_flag(w, "encap", sa->encap);
	vici_format(w, "spi-in", "%08x", sa->spi_in);
	vici_format(w, "spi-out", "%08x", sa->spi_out);
	child_suite_write(w, sa);
	child_agreed_write(w, sa);
	half_write(s, w, &child->in, &in);
	half_write(s, w, &child->out, &out);
	child_times_write(w, child, now);
	vici_text(w, "offload", offload_mode_name(child->mode));
	if (child->out.mode != child->mode)
		vici_text(w, "offload-out", offload_mode_name(child->out.mode));
	if (child->cpu != UINT32_MAX)
		vici_format(w, "cpu", "%u", child->cpu);
	vici_selectors_write(w, "local-ts", sa->local_ts, sa->local_ts ? sa->n_local_ts : 0);
	vici_selectors_write(w, "remote-ts", sa->remote_ts, sa->remote_ts ? sa->n_remote_ts : 0);
}
