/* SPDX-License-Identifier: MIT */
/* The control commands, one row each. docs/hwsim.md describes them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hwsim/process.h"

struct command {
	const char *name;
	json_t *(*run)(struct process *p, const json_t *request);
};

static json_t *error_text(const char *text)
{
	return json_pack("{s:s}", "error", text);
}

static json_t *error_field(const char *field, const char *must)
{
	return json_pack("{s:o}", "error", json_sprintf("'%s' must be %s", field, must));
}

static json_t *done(void)
{
	return json_pack("{s:b}", "ok", 1);
}

/* Every key must be one of `known` (NULL-terminated; "cmd" is always): a misspelt one must not be silently without
 * effect. */
static json_t *check_keys(const json_t *request, const char *const *known)
{
	void *it;

	for (it = json_object_iter((json_t *)request); it; it = json_object_iter_next((json_t *)request, it)) {
		const char *key = json_object_iter_key(it);
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k && strcmp(key, "cmd") != 0)
			return json_pack("{s:o}", "error", json_sprintf("unknown key '%s'", key));
	}
	return NULL;
}

/* An optional integer within limits; `*v` keeps its value when the key is absent. NULL, or an error. */
static json_t *get_number(const json_t *request, const char *key, uint64_t max, uint64_t *v)
{
	const json_t *n = json_object_get(request, key);

	if (!n)
		return NULL;
	if (!json_is_integer(n) || json_integer_value(n) < 0 || (uint64_t)json_integer_value(n) > max)
		return json_pack("{s:o}", "error",
				 json_sprintf("'%s' must be an integer from 0 to %llu", key, (unsigned long long)max));
	*v = (uint64_t)json_integer_value(n);
	return NULL;
}

static json_t *run_stats(struct process *p, const json_t *request)
{
	static const char *const keys[] = {NULL};
	json_t *err = check_keys(request, keys);

	return err ? err : process_stats(p);
}

/* 4, 6, or 0 */
static uint8_t get_address(const json_t *request, const char *key, uint8_t addr[16])
{
	const char *text = json_string_value(json_object_get(request, key));

	if (text && inet_pton(AF_INET, text, addr) == 1)
		return 4;
	return text && inet_pton(AF_INET6, text, addr) == 1 ? 6 : 0;
}

static json_t *get_sizes(const json_t *request, struct gen_config *c)
{
	const json_t *v = json_object_get(request, "bytes");

	c->sizes = 1;
	c->size[0] = 1000;
	if (!v)
		return NULL;
	if (json_is_array(v) && (json_array_size(v) < 1 || json_array_size(v) > GEN_MAX_SIZES))
		return error_field("bytes", "a payload size or a list of 1 to 64 of them");
	c->sizes = json_is_array(v) ? (unsigned int)json_array_size(v) : 1;
	for (unsigned int i = 0; i < c->sizes; i++) {
		const json_t *n = json_is_array(v) ? json_array_get(v, i) : v;

		if (!json_is_integer(n) || json_integer_value(n) < GEN_PAYLOAD_MIN ||
		    json_integer_value(n) > GEN_PAYLOAD_MAX)
			return error_field("bytes", "payload sizes from 48 to 9000");
		c->size[i] = (uint16_t)json_integer_value(n);
	}
	return NULL;
}

static json_t *get_flow(const json_t *request, struct gen_flow *flow)
{
	uint64_t sport = 50000, dport = 9; /* discard */
	uint8_t family = get_address(request, "dst", flow->dst);
	json_t *err;

	flow->family = get_address(request, "src", flow->src);
	if (!flow->family)
		return error_field("src", "an IPv4 or IPv6 address");
	if (family != flow->family)
		return error_field("dst", "an address of the same family as src");
	if ((err = get_number(request, "sport", UINT16_MAX - GEN_MAX_STREAMS, &sport)) ||
	    (err = get_number(request, "dport", UINT16_MAX, &dport)))
		return err;
	flow->sport = (uint16_t)sport;
	flow->dport = (uint16_t)dport;
	return NULL;
}

static uint64_t next_run(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static json_t *gen_start_command(struct process *p, const json_t *request)
{
	static const char *const keys[] = {"op",    "src", "dst",   "first", "streams", "pps",
					   "count", "run", "sport", "dport", "bytes",   NULL};
	struct gen_config c = {.run = next_run()};
	uint64_t first = 0, streams;
	const char *wrong;
	json_t *err;

	if ((err = check_keys(request, keys)) || (err = get_flow(request, &c.flow)) || (err = get_sizes(request, &c)) ||
	    (err = get_number(request, "first", GEN_MAX_STREAMS, &first)))
		return err;
	streams = gen_queues(p->gen) - (first < gen_queues(p->gen) ? first : 0);
	if ((err = get_number(request, "streams", GEN_MAX_STREAMS, &streams)) ||
	    (err = get_number(request, "pps", GEN_MAX_PPS, &c.pps)) ||
	    (err = get_number(request, "count", INT64_MAX, &c.count)) ||
	    (err = get_number(request, "run", INT64_MAX, &c.run)))
		return err;
	c.first = (unsigned int)first;
	c.streams = (unsigned int)streams;
	wrong = gen_config_error(p->gen, &c);
	if (wrong)
		return error_text(wrong);
	gen_start(p->gen, &c, process_clock());
	data_wake(p->data);
	return json_pack("{s:b, s:I}", "ok", 1, "run", (json_int_t)c.run);
}

static json_t *run_gen(struct process *p, const json_t *request)
{
	static const char *const keys[] = {"op", NULL};
	const char *op = json_string_value(json_object_get(request, "op"));
	json_t *err;

	if (!p->gen)
		return error_text("the host port is not gen");
	if (op && strcmp(op, "start") == 0)
		return gen_start_command(p, request);
	if ((err = check_keys(request, keys)))
		return err;
	if (op && strcmp(op, "stop") == 0)
		gen_stop(p->gen);
	else if (op && strcmp(op, "reset") == 0)
		gen_reset(p->gen);
	else
		return error_field("op", "start, stop or reset");
	return done();
}

static json_t *run_fault(struct process *p, const json_t *request)
{
	static const char *const keys[] = {"name", "count", "arg", NULL};
	const char *name = json_string_value(json_object_get(request, "name"));
	uint64_t count = 1, arg = 0;
	json_t *err;

	if ((err = check_keys(request, keys)) || (err = get_number(request, "count", UINT32_MAX, &count)) ||
	    (err = get_number(request, "arg", INT64_MAX, &arg)))
		return err;
	if (!name)
		return error_field("name", "the name of a fault");
	switch (hwsim_fault(p->card, name, (uint32_t)count, arg)) {
	case 0:
		return done();
	case -ENOENT:
		return json_pack("{s:o}", "error",
				 json_sprintf("there is no fault '%s' (see the command faults)", name));
	default:
		return json_pack("{s:o}", "error",
				 json_sprintf("fault '%s' does not take 'arg' %llu", name, (unsigned long long)arg));
	}
}

static json_t *run_faults(struct process *p, const json_t *request)
{
	static const char *const keys[] = {NULL};
	json_t *err = check_keys(request, keys), *list;
	const char *name, *help;

	(void)p;
	if (err)
		return err;
	list = json_array();
	for (unsigned int i = 0; (name = hwsim_fault_at(i, &help)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "help", help));
	return json_pack("{s:o}", "faults", list);
}

static json_t *run_dump(struct process *p, const json_t *request)
{
	static const char *const keys[] = {NULL};
	char *text = NULL, *line, *save = NULL;
	size_t size = 0;
	json_t *err = check_keys(request, keys), *lines;
	FILE *f;

	if (err)
		return err;
	f = open_memstream(&text, &size);
	if (!f)
		return error_text("out of memory");
	hwsim_dump(p->card, f);
	if (fclose(f) != 0) {
		free(text);
		return error_text("out of memory");
	}
	lines = json_array();
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(lines, json_string(line));
	free(text);
	return json_pack("{s:o}", "lines", lines);
}

static json_t *run_check(struct process *p, const json_t *request)
{
	static const char *const keys[] = {NULL};
	char why[256];
	json_t *err = check_keys(request, keys);

	if (err)
		return err;
	return hwsim_check(p->card, why, sizeof(why)) == 0 ? done() : error_text(why);
}

static json_t *run_profiles(struct process *p, const json_t *request)
{
	static const char *const keys[] = {NULL};
	json_t *err = check_keys(request, keys), *list;
	const struct hwsim_profile *r;

	(void)p;
	if (err)
		return err;
	list = json_array();
	for (unsigned int i = 0; (r = hwsim_profile_at(i)); i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:I, s:b, s:b, s:b, s:b, s:b, s:b, s:I}", "name",
						r->name, "driver", r->driver, "sa_in", (json_int_t)r->sa_in, "sa_out",
						(json_int_t)(r->shared ? r->sa_in : r->sa_out), "shared", r->shared,
						"packet_offload", r->packet_offload, "crypto_offload",
						r->crypto_offload, "esn", r->esn, "rss_spi", r->rss_spi, "rss_settable",
						r->rss_settable, "ntuple_esp", (json_int_t)r->ntuple_esp));
	return json_pack("{s:o}", "profiles", list);
}

static json_t *run_quit(struct process *p, const json_t *request)
{
	static const char *const keys[] = {NULL};
	json_t *err = check_keys(request, keys);

	if (err)
		return err;
	process_quit(p);
	return done();
}

static const struct command commands[] = {
	{"stats", run_stats}, {"gen", run_gen},     {"fault", run_fault},       {"faults", run_faults},
	{"dump", run_dump},   {"check", run_check}, {"profiles", run_profiles}, {"quit", run_quit},
};

json_t *process_command(void *ctx, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "cmd"));

	for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(ctx, request);
	return error_field("cmd", "stats, gen, fault, faults, dump, check, profiles or quit");
}
