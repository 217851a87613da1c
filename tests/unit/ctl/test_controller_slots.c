/* SPDX-License-Identifier: MIT */
/* Admission, fall-back, refusals: and after each of them the ledger is right. */
#include "controller_rig.h"

#include "ctl/controller_internal.h"
#include "offload/xfrm_chain.h"

/* Linux never has SAs in packet mode and others in one chain. */
static void assert_kept_apart(struct side *s)
{
	for (uint32_t i = 0; i < side_children(s); i++) {
		struct controller_child child = rig_child(s, i);
		struct xfrm_addr local = xfrm_addr_of(&child.ike->path.local);
		struct xfrm_addr remote = xfrm_addr_of(&child.ike->path.remote);

		assert_int_equal(xfrm_chain_hash(child.reqid, &local, &remote) & 1, child.mode != OFFLOAD_PACKET);
	}
}

#include <errno.h>

static void one_pair_takes_two_slots(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int i = 0; i < 2; i++) {
		struct slots_count c = rig_slots(&w.side[i]);

		assert_int_equal(c.occ, 2);
		assert_int_equal(c.reserved + c.draining, 0);
		assert_int_equal(rig_child(&w.side[i], 0).mode, OFFLOAD_PACKET);
	}
	rig_free(&w);
}

/* The peer has room for one pair and its replacement: TS_MAX_QUEUE for the rest, and it is not asked again soon. */
static void a_full_peer_is_left_alone(void **state)
{
	struct world_config config = rig_config();
	struct world w;
	uint64_t refused;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	config.side[1].slots = 4;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(side_children(&w.side[0]), 1);
	assert_int_equal(rig_slots(&w.side[0]).occ, 2);
	refused = rig_counters(&w.side[1]).admission_refused;
	assert_int_equal(refused, 4);
	rig_run(&w, 60000);
	/* its own wishes for its queues are refused at home now and then; those of the peer are not heard again */
	assert_int_equal(rig_slots(&w.side[0]).occ, 2);
	assert_int_equal(rig_counters(&w.side[0]).ike.create_child_out_req, 4);
	rig_free(&w);
}

static void the_reserve_is_for_replacements(void **state)
{
	struct world_config config = rig_config();
	struct controller_match all = {.child = "net"};
	struct world w;
	unsigned int n;

	(void)state;
	config.side[0].slots = config.side[1].slots = 4;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(controller_rekey(w.side[i % 2].c, w.now, &all, &n), 0);
		assert_int_equal(n, 1);
		rig_run(&w, 3000);
	}
	assert_int_equal(w.side[0].rekeys, 3);
	assert_int_equal(rig_slots(&w.side[0]).peak, 4);
	assert_int_equal(rig_slots(&w.side[0]).occ, 2);
	assert_int_equal(rig_counters(&w.side[0]).install_refused, 0);
	rig_free(&w);
}

static void auto_falls_back_step_by_step(void **state)
{
	static const struct {
		unsigned int refusals;
		enum offload_mode mode;
		unsigned int slots;
	} rows[] = {{0, OFFLOAD_PACKET, 2}, {1, OFFLOAD_CRYPTO, 2}, {2, OFFLOAD_SOFTWARE, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = rig_config();
		struct world w;

		config.side[0].hw_offload = "auto";
		rig_make(&w, &config);
		hwsim_fault(w.side[0].nic.card, "refuse", rows[i].refusals, EINVAL);
		assert_int_equal(rig_up(&w), 0);
		assert_int_equal(rig_child(&w.side[0], 0).mode, rows[i].mode);
		assert_kept_apart(&w.side[0]);
		assert_int_equal(rig_slots(&w.side[0]).occ, rows[i].slots);
		assert_int_equal(rig_counters(&w.side[0]).fallback_crypto, rows[i].refusals > 0);
		assert_int_equal(rig_counters(&w.side[0]).fallback_software, rows[i].refusals > 1);
		w.strict = w.closed = true;
		world_streams(&w, 4, 100);
		rig_run(&w, 1000);
		rig_free(&w);
	}
}

/* The second half is refused: the first one is in the card already, and must come out again. */
static void a_refused_second_half_takes_the_first_along(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].hw_offload = "auto";
	rig_make(&w, &config);
	hwsim_fault(w.side[0].nic.card, "refuse_nth", 1, 2);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(rig_child(&w.side[0], 0).mode, OFFLOAD_CRYPTO);
	assert_int_equal(rig_slots(&w.side[0]).occ, 2);
	rig_free(&w);
}

/* What the card can never do is not negotiated at all. */
static void demanded_of_a_card_without_it_is_not_negotiated(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].profile = "ixgbe-1024"; /* crypto offload, in transport mode */
	config.side[0].hw_offload = "packet";
	rig_make(&w, &config);
	assert_int_not_equal(rig_up(&w), 0);
	rig_run(&w, 1000);
	assert_int_equal(w.side[1].ups, 0);
	assert_int_equal(rig_counters(&w.side[1]).admission_refused, 0);
	assert_int_equal(side_children(&w.side[0]) + side_children(&w.side[1]), 0);
	rig_free(&w);
}

static void demanded_and_refused_is_an_error(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	rig_make(&w, &config);
	hwsim_fault(w.side[0].nic.card, "refuse", UINT32_MAX, EINVAL);
	assert_int_not_equal(rig_up(&w), 0);
	rig_run(&w, 3000);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig_slots(&w.side[i]).occ + rig_slots(&w.side[i]).reserved, 0);
		assert_int_equal(side_children(&w.side[i]), 0);
	}
	rig_free(&w);
}

static void silent_software_is_noticed(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].hw_offload = "auto";
	rig_make(&w, &config);
	hwsim_fault(w.side[0].nic.card, "silent_no_offload", UINT32_MAX, 0);
	assert_int_equal(rig_up(&w), 0);
	assert_int_equal(rig_child(&w.side[0], 0).mode, OFFLOAD_SOFTWARE);
	assert_int_equal(rig_slots(&w.side[0]).occ, 0);
	rig_free(&w);
}

static void a_refused_replacement_leaves_the_old_one(void **state)
{
	struct world_config config = rig_config();
	struct controller_match all = {.child = "net"};
	struct world w;
	uint32_t id;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 4, 100);
	id = rig_child(&w.side[0], 0).id;
	hwsim_fault(w.side[0].nic.card, "refuse", UINT32_MAX, EINVAL);
	assert_int_equal(controller_rekey(w.side[0].c, w.now, &all, NULL), 0);
	rig_run(&w, 2000);
	assert_int_equal(rig_child(&w.side[0], 0).id, id);
	assert_true(rig_counters(&w.side[0]).rekeys_failed > 0);
	assert_int_equal(rig_slots(&w.side[0]).occ, 2);
	hwsim_fault(w.side[0].nic.card, "refuse", 0, EINVAL);
	rig_run(&w, 10000);
	assert_int_not_equal(rig_child(&w.side[0], 0).id, id);
	rig_free(&w);
}

/* ENOSPC though the ledger had room: it has learned how large the table is. */
static void capacity_is_learned(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = "4";
	rig_make(&w, &config);
	hwsim_fault(w.side[1].nic.card, "full", UINT32_MAX, 0);
	assert_int_not_equal(rig_up(&w), 0);
	hwsim_fault(w.side[1].nic.card, "full", 0, 0);
	assert_true(rig_slots(&w.side[1]).learned < 64);
	assert_true(rig_slots(&w.side[1]).learned_events > 0);
	rig_free(&w);
}

/* Cards with room for 6 pairs, and controllers that believe in 32. */
static struct world_config small_cards(void)
{
	struct world_config config = rig_config();

	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].slots = 12;
		config.side[i].believed = 64;
	}
	return config;
}

/*
 * What is in the card can still be replaced: one pair of slots is free again. All are asked for at once, or one after
 * the other, and then the last one that was taken must go.
 */
static void queues_give_back_what_replacements_need(void **state)
{
	static const char *const windows[] = {"window = 64", "window = 1"};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct world_config config = small_cards();
		struct controller_match all = {.child = "net"};
		struct world w;
		unsigned int n;

		for (unsigned int s = 0; s < 2; s++) {
			config.side[s].queues = 8;
			config.side[s].per_cpu_sas = "8";
			config.side[s].conn_extra = windows[i];
		}
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		rig_run(&w, 20000);
		assert_true(rig_slots(&w.side[0]).learned == 12 || rig_slots(&w.side[1]).learned == 12);
		if (i)
			assert_true(rig_counters(&w.side[0]).taken_back + rig_counters(&w.side[1]).taken_back > 0);
		for (unsigned int s = 0; s < 2; s++)
			assert_int_equal(rig_slots(&w.side[s]).occ, 10);
		w.strict = w.closed = true;
		world_streams(&w, 4, 20);
		assert_int_equal(controller_rekey(w.side[0].c, w.now, &all, &n), 0);
		assert_int_equal(n, 5);
		rig_run(&w, 30000);
		assert_int_equal(w.side[0].rekeys, 5);
		rig_free(&w);
	}
}

#define NET(n, local, remote)                                                    \
	"net" n " {\nlocal_ts = " local "." n ".0/24\nremote_ts = " remote "." n \
	".0/24\nesp_proposals = aes128gcm16\nhw_offload = auto\n}\n"
#define NETS(local, remote)     \
	NET("1", local, remote) \
	NET("2", local, remote) \
	NET("3", local, remote) \
	NET("4", local, remote) NET("5", local, remote) NET("6", local, remote) NET("7", local, remote)
#define SEVEN(here, there, local, remote)                                                              \
	"connections {\npeer {\nlocal_addrs = 192.0.2." here "\nremote_addrs = 192.0.2." there         \
	"\nproposals = aes128gcm16-prfsha256-x25519\nkeyingtries = 0\nlocal {\nauth = psk\nid = " here \
	".sim\n}\nremote {\nauth = psk\nid = " there ".sim\n}\nchildren {\n" NETS(local, remote) "}\n}\n}\n"

static uint32_t in_software(struct side *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < side_children(s); i++)
		n += rig_child(s, i).mode == OFFLOAD_SOFTWARE;
	return n;
}

/* Seven tunnels for six pairs: the seventh runs in software, and the sixth gives way to replacements and does, too. */
static void tunnels_give_way_to_replacements(void **state)
{
	struct world_config config = small_cards();
	struct world w;

	(void)state;
	config.side[0].connections = SEVEN("1", "2", "10.1", "10.2");
	config.side[1].connections = SEVEN("2", "1", "10.2", "10.1");
	config.side[0].nic_extra = config.side[1].nic_extra = "let_go = 500ms";
	rig_make(&w, &config);
	for (char name[] = "net1"; name[3] <= '7'; name[3]++) {
		struct rig_answer a = {0};

		controller_initiate(w.side[0].c, w.now, "peer", name, 0, rig_done, &a);
		rig_run(&w, 5000);
		assert_int_equal(a.calls, 1);
		assert_int_equal(a.err, 0);
	}
	rig_run(&w, 5000);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig_slots(&w.side[i]).occ, 10);
		assert_int_equal(in_software(&w.side[i]), 2);
		assert_kept_apart(&w.side[i]);
		assert_true(rig_counters(&w.side[i]).taken_back <= 1); /* what drains goes without that */
	}
	assert_int_equal(side_children(&w.side[0]), 7);
	for (char name[] = "net1"; name[3] <= '7'; name[3]++) {
		struct controller_match one = {.child = name};

		assert_int_equal(controller_rekey(w.side[0].c, w.now, &one, NULL), 0);
	}
	rig_run(&w, 30000);
	assert_int_equal(w.side[0].rekeys, 7);
	rig_free(&w);
}

/*
 * The card holds a deleted SA's slot for longer than it is believed to: the next replacement finds no room, and comes
 * later. That is not a smaller table.
 */
static void slots_that_are_freed_late_are_waited_for(void **state)
{
	struct world_config config = rig_config();
	struct world w;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		config.side[i].slots = 4;
		config.side[i].rekey_packets = 40;
		config.side[i].life_packets = 2000;
	}
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int i = 0; i < 2; i++)
		hwsim_fault(w.side[i].nic.card, "delayed_free", UINT32_MAX, 4000);
	w.strict = w.closed = true;
	w.starved = true; /* the card frees what the ledger has as free */
	world_streams(&w, 1, 20);
	rig_run(&w, 60000);
	assert_true(w.side[0].rekeys >= 5);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig_counters(&w.side[i]).hard_expired, 0);
		assert_int_equal(rig_slots(&w.side[i]).learned_events, 0);
	}
	assert_true(rig_counters(&w.side[0]).install_refused > 0);
	rig_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pair_takes_two_slots),
		cmocka_unit_test(a_full_peer_is_left_alone),
		cmocka_unit_test(the_reserve_is_for_replacements),
		cmocka_unit_test(auto_falls_back_step_by_step),
		cmocka_unit_test(a_refused_second_half_takes_the_first_along),
		cmocka_unit_test(demanded_of_a_card_without_it_is_not_negotiated),
		cmocka_unit_test(demanded_and_refused_is_an_error),
		cmocka_unit_test(silent_software_is_noticed),
		cmocka_unit_test(a_refused_replacement_leaves_the_old_one),
		cmocka_unit_test(capacity_is_learned),
		cmocka_unit_test(queues_give_back_what_replacements_need),
		cmocka_unit_test(tunnels_give_way_to_replacements),
		cmocka_unit_test(slots_that_are_freed_late_are_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
