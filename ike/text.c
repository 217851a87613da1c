/* SPDX-License-Identifier: MIT */
/* Addresses, identities and names for log lines. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ike/engine.h"

bool ike_logs(const struct ike *ike, enum log_level level)
{
	return ike->log && ike->log->line && level <= ike->log->max;
}

const char *ike_addr_text(const struct ike_addr *a, char buf[IKE_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN];

	if (!a->family || !inet_ntop(a->family, a->ip, ip, sizeof(ip)))
		return "%any";
	snprintf(buf, IKE_TEXT_MAX, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	return buf;
}

const char *ike_id_text(const struct ike_id *id, char buf[IKE_TEXT_MAX])
{
	struct ike_addr a = {.family = id && id->kind == IKE_ID_IPV6 ? AF_INET6 : AF_INET};

	if (!id || !id->kind)
		return "%any";
	if ((id->kind == IKE_ID_IPV4 && id->len == 4) || (id->kind == IKE_ID_IPV6 && id->len == 16)) {
		memcpy(a.ip, id->data, id->len);
		if (inet_ntop(a.family, a.ip, buf, IKE_TEXT_MAX))
			return buf;
	}
	for (unsigned int i = 0; i < id->len; i++)
		buf[i] = (char)(isprint(id->data[i]) ? id->data[i] : '?');
	buf[id->len] = '\0';
	return buf;
}

const char *ike_notify_text(uint16_t kind, char buf[32])
{
	const char *name = ike_notify_name(kind);

	if (name)
		return name;
	snprintf(buf, 32, "notify %u", kind);
	return buf;
}

/* Appends "-KEYWORD" ("KEYWORD" at the start). */
static void suite_add(char buf[IKE_TEXT_MAX], const char *keyword)
{
	size_t n = strlen(buf);

	snprintf(buf + n, IKE_TEXT_MAX - n, "%s%s", n ? "-" : "", keyword);
}

static void suite_add_alg(char buf[IKE_TEXT_MAX], const struct ike_alg *alg)
{
	if (alg && alg->keyword)
		suite_add(buf, alg->keyword);
}

const char *ike_suite_text(const struct ike_suite *suite, char buf[IKE_TEXT_MAX])
{
	buf[0] = '\0';
	suite_add_alg(buf, suite->encr);
	suite_add_alg(buf, suite->integ);
	suite_add_alg(buf, suite->prf);
	suite_add_alg(buf, suite->ke);
	return buf;
}

const char *ike_child_suite_text(const struct ike_child_sa *sa, char buf[IKE_TEXT_MAX])
{
	buf[0] = '\0';
	suite_add_alg(buf, ike_alg_find(IKE_T_ENCR, sa->encr, sa->encr_bits));
	if (sa->integ)
		suite_add_alg(buf, ike_alg_find(IKE_T_INTEG, sa->integ, 0));
	if (sa->ke)
		suite_add_alg(buf, ike_alg_find(IKE_T_KE, sa->ke, 0));
	if (sa->esn)
		suite_add(buf, "esn");
	return buf;
}

void ike_sa_log(struct ike_sa *sa, enum log_level level, const char *event, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!ike_logs(sa->ike, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_at(sa->ike->log, level, event, "%s #%u %016llx_i %016llx_r: %s", sa->conn ? sa->conn->cfg->name : "-",
	       sa->id, (unsigned long long)get_be64(sa->spi_i), (unsigned long long)get_be64(sa->spi_r), text);
}

void ike_child_log(struct ike_child *c, enum log_level level, const char *event, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!ike_logs(c->sa->ike, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_at(c->sa->ike->log, level, event, "%s #%u %s{%u} %08x_i %08x_o: %s", c->pub.conn->name, c->sa->id,
	       c->pub.cfg->name, c->pub.id, c->pub.spi_in, c->pub.spi_out, text);
}

static void log_field(void *ctx, const char *text)
{
	ike_sa_log(ctx, LOG_LEVEL_DEBUG, "ike.field", "%s", text);
}

void ike_log_message(struct ike_sa *sa, const char *what, const struct ike_message *m)
{
	char text[512];

	if (!ike_logs(sa->ike, LOG_LEVEL_DEBUG))
		return;
	ike_sa_log(sa, LOG_LEVEL_DEBUG, "ike.message", "%s %s", what, ike_message_print(m, text, sizeof(text)));
	ike_message_dump(m, log_field, sa);
}

static const char *const down_names[] = {
	[IKE_DOWN_NONE] = "none",         [IKE_DOWN_LOCAL] = "local",         [IKE_DOWN_PEER] = "peer",
	[IKE_DOWN_REPLACED] = "replaced", [IKE_DOWN_REDUNDANT] = "redundant", [IKE_DOWN_REFUSED] = "refused",
	[IKE_DOWN_INSTALL] = "install",   [IKE_DOWN_TIMEOUT] = "timeout",     [IKE_DOWN_AUTH] = "auth",
	[IKE_DOWN_PROTOCOL] = "protocol", [IKE_DOWN_EXPIRED] = "expired",     [IKE_DOWN_LOST] = "lost",
	[IKE_DOWN_IKE_SA] = "ike-sa",     [IKE_DOWN_DUPLICATE] = "duplicate",
};

const char *ike_down_name(enum ike_down down)
{
	return (size_t)down < sizeof(down_names) / sizeof(down_names[0]) ? down_names[down] : "?";
}

const char *ike_sa_state_name(enum ike_sa_state state)
{
	static const char *const names[] = {
		[IKE_SA_CONNECTING] = "CONNECTING", [IKE_SA_ESTABLISHED] = "ESTABLISHED",
		[IKE_SA_REKEYING] = "REKEYING",     [IKE_SA_REKEYED] = "REKEYED",
		[IKE_SA_DELETING] = "DELETING",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}
