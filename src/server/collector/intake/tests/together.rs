//! Everything at once, in an order that chance decides: whatever comes, the account and all running sums are exact.

use super::*;
use crate::server::config::file::ConfigFile;

/// Limits that are reached all the time.
const NARROW: Limits = Limits {
    exporters: 6,
    sessions_per_exporter: 5,
    sessions: 12,
    templates_per_exporter: 6,
    fields_per_template: 64,
    template_weight_per_exporter: 200,
    template_weight: 500,
    flows_per_datagram: 20,
    pending_bytes: 4_000,
    pending_bytes_per_exporter: 2_500,
    pending_us: 3_000_000,
    idle_us: 2_000_000,
    options_weight_per_exporter: 3_000,
    options_weight: 8_000,
    data_sources_per_exporter: 3,
    data_sources: 5,
    owned_flows: 16,
};

const RULES: &str = r#"
    admission = { networks = ["192.0.2.0/25"], flow_records_per_second = 1 }
    sampling = [{ exporters = ["192.0.2.0/28"], interval = 4000000000, use = "override" }]
    quirks = [{ exporters = ["192.0.2.3"], out_counters = "reverse" }]
    count_once = [
        { name = "core", exporters = ["192.0.2.0/29"], by = "first_exporter", timeout_s = 2 },
        { name = "in", exporters = ["192.0.2.4"], by = "ingress" },
    ]
"#;

fn intake(rules: &str) -> Intake {
    let rules = ConfigFile::parse(rules, std::path::Path::new("meridian.toml")).unwrap().rules();
    Intake::new(NARROW, Arc::new(rules))
}

/// Options records that name interfaces, one of them cut off now and then.
fn options(random: &mut fastrand::Rng, sequence: u32) -> Vec<u8> {
    let fields = [(149, 4), (10, 4), (82, u16::MAX), (34, 4)];
    let layout =
        Definition { is_options: true, scope_count: 1, ..definition(300 + random.u16(..3), &fields) };
    let mut message = message(sequence);
    message.template(&layout);
    message.begin_set(layout.id);
    for _ in 0..random.u8(..6) {
        let (domain, index) = (random.u32(..4).to_be_bytes(), random.u32(..50).to_be_bytes());
        message.record(&layout, [&domain[..], &index, &vec![b'x'; random.usize(..40)], &index]);
    }
    message.finish()
}

/// An sFlow datagram of few agents, sub-agents and data sources, all samples of IPv4 packets.
fn sflow(random: &mut fastrand::Rng, sequence: u32) -> Vec<u8> {
    let count = random.u32(..4);
    let mut words = vec![5, 1, 0xc000_0200 + random.u32(..12), random.u32(..3), sequence, 0, count];
    for _ in 0..count {
        let length = if random.u8(..9) == 0 { u32::MAX } else { 100 };
        words.extend([1, 72, sequence, random.u32(..6), 1 << random.u32(..32), 0, 0, 1, 2, 1, 3, 32]);
        words.extend([length, 17, random.u32(..9), 7, 53, 54, 0, 0]);
    }
    words.into_iter().flat_map(u32::to_be_bytes).collect()
}

#[test]
fn with_everything_on_the_account_and_all_sums_are_exact_after_every_step() {
    let mut all = Counters::default();
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let rules = if seed % 3 == 0 { "" } else { RULES };
        let (mut intake, mut flows, mut now_us) = (intake(rules), Vec::new(), NOW_US);
        let mut exporters: Vec<_> =
            Protocol::ALL.into_iter().map(|protocol| encode::Exporter::new(protocol, 1)).collect();
        for step in 0..400 {
            now_us += random.i64(0..400_000);
            flows.clear();
            let peer = SocketAddr::from(([192, 0, 2, random.u8(..10) * 15 % 140], 1 + random.u16(..3)));
            let flow =
                FlowRecord { source_port: random.u16(..20), bytes: 5, packets: 1, ..FlowRecord::default() };
            let sent =
                vec![FlowRecord { protocol: 17, source_address: peer.ip(), ..flow }; random.usize(1..4)];
            let mut datagrams = match random.u8(..10) {
                0..6 => random.choice(&mut exporters).unwrap().datagrams(&sent, now_us / 1000, 1000),
                6 | 7 => vec![options(&mut random, step)],
                _ => vec![sflow(&mut random, step)],
            };
            if random.u8(..4) == 0 {
                datagrams.extend_from_within(..);
            }
            for mut datagram in datagrams {
                if random.u8(..8) == 0 {
                    let position = random.usize(..datagram.len());
                    datagram[position] ^= random.u8(..);
                }
                let connection = random.u32(..4);
                match random.u8(..20) {
                    0..10 => intake.datagram(peer, now_us, &datagram, &mut flows),
                    10..16 => intake.stream_message(connection, peer, now_us, &datagram, &mut flows),
                    16 | 17 => intake.stream_ended(connection, peer),
                    18 => intake.stream_not_admitted(peer, now_us),
                    _ => intake.expire(now_us),
                }
                intake.assert_adds_up();
            }
        }
        let saved = intake.saved();
        let mut restarted = self::intake(rules);
        restarted.restore(saved, now_us);
        restarted.assert_adds_up();
        intake.expire(now_us + NARROW.pending_us + 1);
        intake.assert_adds_up();
        all += intake.counters();
    }
    let Counters { sflow, .. } = all;
    let met = [
        all.datagrams_not_admitted,
        all.duplicate_datagrams,
        all.duplicate_flows.flows,
        all.rate_limited_sets,
        all.sets_expired,
        all.sets_refused,
        all.sets_without_template,
        all.templates_ended,
        all.exporters_forgotten,
        all.implausible_records,
        all.options_by_kind[Kind::NotKept.index()],
        all.undecodable_templates[Reason::TemplateFieldsFull.index()],
        sflow.rate_limited_samples,
        sflow.samples_not_followed,
        sflow.flow_samples,
    ];
    assert!(met.iter().all(|count| *count > 0), "{met:?}");
}
