/* SPDX-License-Identifier: MIT */
/* What is shown is what is: Child SAs, slots, queues, policies. */
#include "controller_rig.h"
#include "hwsim/gen_packet.h"

struct seen {
	unsigned int n, in, out, unowned, installed, packet;
	uint32_t reqid;
};

static void see_child(void *ctx, const struct controller_child *child)
{
	struct seen *s = ctx;

	s->n++;
	s->reqid = child->reqid;
	s->installed += child->in.installed && child->out.installed && child->state == CHILD_INSTALLED;
	assert_string_equal(child->ike->cfg->name, "net");
	assert_string_equal(child->ike->conn->name, "peer");
	assert_int_equal(child->ike->spi_in, child->in.spi);
	assert_true(child->wear_soft >= 0 && child->wear_soft <= 1);
	assert_true(child->wear_hard <= child->wear_soft);
	assert_true(child->out.limits.soft_packets < child->out.limits.hard_packets);
	assert_true(child->in.limits.soft_packets >= child->out.limits.soft_packets);
}

static void see_slot(void *ctx, const struct slots_view *slot, const struct controller_child *child)
{
	struct seen *s = ctx;

	s->n++;
	s->in += slot->dir == SLOTS_IN;
	s->out += slot->dir == SLOTS_OUT;
	if (!child)
		s->unowned++;
	else if (slot->dir == SLOTS_IN)
		assert_int_equal(child->in.slot, slot->slot);
	else
		assert_int_equal(child->out.slot, slot->slot);
}

static void see_policy(void *ctx, const struct controller_policy *policy)
{
	struct seen *s = ctx;

	s->n++;
	s->installed += policy->installed;
	s->packet += policy->mode == OFFLOAD_PACKET;
	s->reqid = policy->reqid;
}

static void see_ike(void *ctx, const struct ike_sa_info *sa)
{
	struct seen *s = ctx;

	s->n++;
	s->reqid = sa->id;
}

static void a_tunnel_of_five(void **state)
{
	struct world_config config = rig_config();
	struct seen ike = {0}, child = {0}, slot = {0}, policy = {0};
	struct controller *c;
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	config.side[0].rekey_packets = 100000;
	config.side[0].life_packets = 200000;
	rig_make(&w, &config);
	c = w.side[0].c;
	controller_policy_each(c, see_policy, &policy);
	assert_int_equal(policy.n, 0);
	assert_int_equal(rig_up(&w), 0);
	rig_run(&w, 1500);
	controller_ike_each(c, see_ike, &ike);
	assert_int_equal(ike.n, 1);
	controller_child_each(c, w.now, ike.reqid, see_child, &child);
	assert_int_equal(child.n, 5);
	assert_int_equal(child.installed, 5);
	controller_slot_each(c, w.now, see_slot, &slot);
	assert_int_equal(slot.n, 10);
	assert_int_equal(slot.in, 5);
	assert_int_equal(slot.unowned, 0);
	controller_policy_each(c, see_policy, &policy);
	assert_int_equal(policy.n, 1);
	assert_int_equal(policy.installed, 1);
	assert_int_equal(policy.packet, 1);
	assert_int_equal(policy.reqid, child.reqid);
	rig_free(&w);
}

static void counts_and_wear_follow_the_card(void **state)
{
	struct world_config config = rig_config();
	struct controller_child child;
	struct world w;

	(void)state;
	config.side[0].rekey_packets = 100000;
	config.side[0].life_packets = 200000;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	world_streams(&w, 1, 500);
	rig_run(&w, 10000);
	child = rig_child(&w.side[0], 0);
	assert_true(child.out.packets > 3500 && child.out.packets < 5500);
	assert_true(child.in.packets > 3500 && child.in.packets < 5500);
	assert_true(child.out.bytes > child.out.packets * 100);
	assert_true(child.wear_soft > 0.02 && child.wear_soft < 0.2);
	assert_true(child.rekey_in_ns < child.hard_in_ns);
	rig_free(&w);
}

static void states_have_swanctls_names(void **state)
{
	(void)state;
	assert_string_equal(child_state_name(CHILD_INSTALLED), "INSTALLED");
	assert_string_equal(child_state_name(CHILD_REKEYING), "REKEYING");
	assert_string_equal(child_state_name(CHILD_REKEYED), "REKEYED");
	assert_string_equal(child_state_name(CHILD_DELETING), "DELETING");
}

/* Policies are there before any SA, and go with the connection. */
static void a_trap_is_set_and_taken_away(void **state)
{
	struct world_config config = rig_config();
	struct hwsim_stats st;
	struct world w;

	(void)state;
	config.side[0].start_action = "trap";
	rig_make(&w, &config);
	rig_run(&w, 100);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.policies, 3);
	assert_int_equal(controller_conn_unload(w.side[0].c, w.now, "peer", true), 0);
	rig_run(&w, 100);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.policies, 0);
	rig_free(&w);
}

static const char narrow[] =
	"connections {\npeer {\nlocal_addrs = 192.0.2.2\nremote_addrs = 192.0.2.1\n"
	"local {\nauth = psk\nid = b.sim\n}\nremote {\nauth = psk\nid = a.sim\n}\nchildren {\nnet {\n"
	"local_ts = 10.2.0.0/24\nremote_ts = 10.1.0.0/16\nesp_proposals = aes128gcm16\n}\n}\n}\n}\n";

static void send_to(struct side *s, uint8_t third)
{
	struct gen_flow flow = {.family = 4, .src = {10, 1, 0, 1}, .dst = {10, 2, third, 1}, .sport = 1, .dport = 2};
	struct gen_header h = {.run = 1, .len = 100};
	uint8_t packet[GEN_PACKET_MAX];
	size_t len = gen_packet_build(&flow, &h, packet, sizeof(packet));

	hwsim_tx(s->nic.card, 0, s->w->now, packet, len);
}

/* The peer grants a part of what is configured: that part is protected, the rest does not leave at all. */
static void what_was_not_granted_stays_inside(void **state)
{
	struct world_config config = rig_config();
	struct hwsim_stats st;
	struct world w;

	(void)state;
	config.side[0].start_action = "trap";
	config.side[1].connections = narrow;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.closed = true;
	send_to(&w.side[0], 0);
	send_to(&w.side[0], 1);
	assert_false(w.failed);
	hwsim_stats(w.side[0].nic.card, &st);
	assert_int_equal(st.tx_esp, 1);
	assert_int_equal(st.tx_plain, 0);
	assert_int_equal(st.policies, 6);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tunnel_of_five),
		cmocka_unit_test(counts_and_wear_follow_the_card),
		cmocka_unit_test(states_have_swanctls_names),
		cmocka_unit_test(a_trap_is_set_and_taken_away),
		cmocka_unit_test(what_was_not_granted_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
