//! Reports with everything that is hard to show.

use crate::model::history::{Amount, CountryAmount, Distinct, Key, Source, Tier};
use crate::model::place::CountryCode;
use crate::model::report::{
    Compared, ExporterEntry, Newcomer, Peak, Period, Report, ReportQuestion, Section, Step, TopEntry,
    TopSection, WeekHours,
};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;

const DAY_MS: i64 = 86_400_000;
const GB: u64 = 1_000_000_000;
/// 2026-10-01 in UTC+2.
const OCTOBER: TimeRange = TimeRange { from_ms: 1_790_805_600_000, to_ms: 1_793_487_600_000 };

pub fn traffic(flows: u64, bytes: u64) -> Traffic {
    Traffic {
        flows,
        bytes,
        packets: bytes / 900,
        scaled_bytes: bytes,
        scaled_packets: bytes / 900,
        unknown_sampling: 0,
    }
}

pub fn amount(flows: u64, bytes: u64) -> Amount {
    Amount { traffic: traffic(flows, bytes), addresses: None }
}

fn counted(flows: u64, bytes: u64, addresses: u64, error: f32) -> Amount {
    Amount { addresses: Some(Distinct { count: addresses, error }), ..amount(flows, bytes) }
}

fn compared(now: Amount, before: Option<Amount>) -> Compared {
    Compared { now, before }
}

fn source(range: TimeRange) -> Source {
    Source {
        tiers: vec![Tier::Hour, Tier::Day],
        range,
        is_complete: false,
        note: "Flow records were received and not stored: the figures are too low.".to_owned(),
        gaps: vec![TimeRange { from_ms: range.from_ms + 11 * DAY_MS, to_ms: range.from_ms + 12 * DAY_MS }],
        took_ms: 214,
    }
}

fn steps(number: u32) -> Vec<Step> {
    let step = |day: u32| {
        let from_ms = OCTOBER.from_ms + i64::from(day) * DAY_MS;
        let weekend = if day % 7 == 2 || day % 7 == 3 { 2 } else { 1 };
        let gb = |number: u32| u64::from(number) * GB / weekend;
        let is_gap = day == 11;
        let (inbound, outbound) = (90 + day * 3 % 40, 40 + day * 5 % 23);
        let of = |bytes: u64| if is_gap { Traffic::NONE } else { traffic(bytes / 40_000, bytes) };
        Step {
            label: format!("2026-10-{:02}", day + 1),
            range: TimeRange { from_ms, to_ms: from_ms + DAY_MS },
            inbound: of(gb(inbound)),
            outbound: of(gb(outbound)),
            total: of(gb(inbound + outbound + 10)),
            before: (day < 30).then(|| traffic(3_000_000, (100 + u64::from(day * 7 % 50)) * GB)),
            has_gap: is_gap,
        }
    };
    (0..number).map(step).collect()
}

fn top(section: Section, column: &str, rows: Vec<(&str, &str, u64, Option<u64>)>) -> TopSection {
    let rows: Vec<TopEntry> = rows
        .into_iter()
        .map(|(value, label, gb, before)| TopEntry {
            key: Key { value: value.to_owned(), label: label.to_owned() },
            amount: compared(
                counted(gb * 30_000, gb * GB, gb * 7, 0.016),
                before.map(|gb| amount(gb * 30_000, gb * GB)),
            ),
        })
        .collect();
    TopSection {
        section,
        column: column.to_owned(),
        of: Some(rows.len() as u64 + 1_204),
        rows,
        total: counted(121_000_000, 4_200 * GB, 182_000, 0.016),
        source: source(OCTOBER),
    }
}

fn tops() -> Vec<TopSection> {
    let hostile = "<script>alert(\"x\")</script> & Sons Überwachungs- und Telekommunikationsgesellschaft mit beschränkter Haftung (Europe) 東京支店";
    vec![
        top(
            Section::Countries,
            "Country",
            vec![
                ("US", "United States", 1_900, Some(1_700)),
                ("DE", "Germany", 700, Some(1_400)),
                ("ZA", "South Africa", 410, None),
                ("unknown", "", 90, Some(0)),
                ("BQ", "Bonaire, Sint Eustatius and Saba", 0, Some(3)),
            ],
        ),
        top(
            Section::Cities,
            "City",
            vec![("Lyon, FR", "Lyon, France", 90, Some(90)), ("unknown", "", 80, None)],
        ),
        top(
            Section::Systems,
            "Autonomous system",
            vec![
                ("15169", "Google LLC", 900, Some(20)),
                ("64500", hostile, 700, Some(690)),
                ("4200000001", "", 1, Some(0)),
            ],
        ),
        top(
            Section::Services,
            "Service",
            vec![("tcp/443", "https", 2_900, Some(2_600)), ("udp/443", "https", 700, None)],
        ),
        top(
            Section::Protocols,
            "Protocol",
            vec![("tcp", "TCP", 3_100, Some(2_800)), ("udp", "UDP", 1_000, Some(1_000))],
        ),
        top(
            Section::HomeHosts,
            "Home host",
            vec![("2001:db8:1234:5678:9abc:def0:1234:5678", "", 12, Some(11))],
        ),
        top(Section::OutsideHosts, "Outside host", vec![]),
    ]
}

fn week() -> WeekHours {
    let rate = |day: u64, hour: u64| {
        let busy = if day < 5 { 100 } else { 30 };
        let near_noon = 14 - hour.abs_diff(14).min(13);
        let peak = u64::from(day == 2 && hour == 14) * 60_000_000;
        match (day, hour) {
            (6, 2) => None,
            (6, 3) => Some(0),
            _ => Some(busy * near_noon * 40_000 + 400_000 + peak),
        }
    };
    WeekHours { bytes_per_second: (0..7).map(|day| (0..24).map(|hour| rate(day, hour)).collect()).collect() }
}

fn peaks() -> Vec<Peak> {
    [("Inbound", 9), ("Outbound", 3), ("All", 12)]
        .map(|(way, gbps)| Peak {
            way: way.to_owned(),
            step_ms: 3_600_000,
            peak_bits_per_second: gbps * 100_000_000,
            peak_at: "2026-10-14 14:00".to_owned(),
            p95_bits_per_second: gbps * 61_000_000,
            mean_bits_per_second: gbps * 13_000_000,
        })
        .into()
}

fn countries() -> Vec<CountryAmount> {
    let of = |code: &str, bytes: u64| CountryAmount {
        country: CountryCode::parse(code),
        amount: counted(bytes / 40_000 + 1, bytes, 12, 0.0),
    };
    vec![
        of("US", 1_900 * GB),
        of("DE", 700 * GB),
        of("ZA", 410 * GB),
        of("??", 90 * GB),
        of("BR", 31 * GB),
        of("JP", 2 * GB),
        of("AU", 400_000_000),
        of("NG", 8_000_000),
        of("EU", 3_000_000),
        of("IS", 40_000),
    ]
}

/// A report in which there is nothing.
pub fn bare(question: ReportQuestion) -> Report {
    let nothing = Compared::default();
    Report {
        period: String::new(),
        period_before: String::new(),
        range_before: question.range.previous(),
        made_ms: question.range.to_ms,
        made_at: String::new(),
        summary: Vec::new(),
        total: nothing,
        inbound: nothing,
        outbound: nothing,
        internal: nothing,
        transit: nothing,
        steps: Vec::new(),
        week: None,
        peaks: Vec::new(),
        countries: Vec::new(),
        tops: Vec::new(),
        newcomers: Vec::new(),
        newcomers_in_all: 0,
        exporters: Vec::new(),
        lost_records: 0,
        countries_in_all: Distinct::default(),
        source: bare_source(question.range),
        notes: Vec::new(),
        question,
    }
}

/// A source with nothing to say.
pub fn bare_source(range: TimeRange) -> Source {
    Source { tiers: Vec::new(), range, is_complete: true, note: String::new(), gaps: Vec::new(), took_ms: 0 }
}

/// October 2026 in a zone that leaves summer time, with everything.
pub fn report() -> Report {
    Report {
        question: ReportQuestion {
            title: "Rhodes University <b>ISP</b> traffic".to_owned(),
            period: Period::Month,
            range: OCTOBER,
            zone: "Europe/Paris".to_owned(),
            filter: "direction in (inbound, outbound) and not src.as = 15169".to_owned(),
            sections: Section::ALL.to_vec(),
        },
        period: "October 2026".to_owned(),
        period_before: "September 2026".to_owned(),
        range_before: TimeRange { from_ms: OCTOBER.from_ms - 30 * DAY_MS, to_ms: OCTOBER.from_ms },
        made_ms: OCTOBER.to_ms + 3 * 3_600_000,
        made_at: "2026-11-01 03:00 CET".to_owned(),
        summary: vec![
            "In October 2026 Meridian counted 4.20 TB in 121 million flows, 5 % more bytes than in September 2026."
                .to_owned(),
            "Most came from the United States (45 %).".to_owned(),
        ],
        total: compared(
            counted(121_000_000, 4_200 * GB, 182_000, 0.016),
            Some(counted(119_000_000, 4_000 * GB, 190_000, 0.016)),
        ),
        inbound: compared(amount(80_000_000, 2_900 * GB), Some(amount(78_000_000, 2_900 * GB))),
        outbound: compared(amount(40_000_000, 1_000 * GB), Some(amount(41_000_000, 900 * GB))),
        internal: compared(amount(1_000_000, 300 * GB), Some(Amount::default())),
        transit: compared(Amount::default(), None),
        steps: steps(31),
        week: Some(week()),
        peaks: peaks(),
        countries: countries(),
        tops: tops(),
        newcomers: vec![
            Newcomer {
                kind: "Country".to_owned(),
                key: Key { value: "IS".to_owned(), label: "Iceland".to_owned() },
                first_seen: "2026-10-14 14:00".to_owned(),
                amount: amount(1, 40_000),
            },
            Newcomer {
                kind: "AS".to_owned(),
                key: Key { value: "64511".to_owned(), label: String::new() },
                first_seen: "2026-10-02".to_owned(),
                amount: amount(7, 900),
            },
        ],
        newcomers_in_all: 73,
        exporters: vec![
            ExporterEntry {
                exporter: Key { value: "192.0.2.1".to_owned(), label: "<script>alert(1)</script>".to_owned() },
                amount: compared(amount(120_000_000, 4_100 * GB), Some(amount(119_000_000, 4_000 * GB))),
                missing_records: 1_234_567,
                missing_datagrams: 412,
                undecodable: 3,
                silent_hours: Some(2),
            },
            ExporterEntry {
                exporter: Key { value: "2001:db8::1".to_owned(), label: String::new() },
                amount: compared(
                    Amount {
                        traffic: Traffic {
                            scaled_bytes: 100 * GB,
                            unknown_sampling: 400_000,
                            ..traffic(1_000_000, GB)
                        },
                        addresses: None,
                    },
                    None,
                ),
                ..ExporterEntry::default()
            },
        ],
        lost_records: 2_001,
        countries_in_all: Distinct::exact(41),
        source: source(OCTOBER),
        notes: vec![
            "Nothing was collected on 2026-10-12 from 00:00 to 24:00.".to_owned(),
            "Bytes and packets are scaled by sampling.".to_owned(),
        ],
    }
}

/// The day of 25 hours; nothing is known of the day before.
pub fn one_day() -> Report {
    let hour = |number: u32| {
        let from_ms = 1_792_879_200_000 + i64::from(number) * 3_600_000;
        // Two o'clock comes twice.
        let shown = if number > 2 { number - 1 } else { number };
        Step {
            label: format!("2026-10-25 {shown:02}:00"),
            range: TimeRange { from_ms, to_ms: from_ms + 3_600_000 },
            inbound: traffic(900, u64::from(number) * 4_000),
            outbound: traffic(900, 3_000),
            total: traffic(1_800, u64::from(number) * 4_000 + 3_000),
            before: None,
            has_gap: false,
        }
    };
    let mut report = report();
    "2026-10-25".clone_into(&mut report.period);
    "2026-10-24".clone_into(&mut report.period_before);
    report.question.period = Period::Day;
    report.question.filter = String::new();
    report.steps = (0..25).map(hour).collect();
    report.total.before = None;
    report.inbound.before = None;
    report
}

/// A month in which nothing was collected.
pub fn empty() -> Report {
    let nothing = Compared::default();
    let mut report = report();
    for step in &mut report.steps {
        (step.inbound, step.outbound, step.total) = (Traffic::NONE, Traffic::NONE, Traffic::NONE);
        (step.before, step.has_gap) = (None, true);
    }
    (report.total, report.inbound, report.outbound, report.internal) = (nothing, nothing, nothing, nothing);
    report.week = Some(WeekHours { bytes_per_second: vec![vec![None; 24]; 7] });
    report.countries.clear();
    report.exporters.clear();
    report.newcomers.clear();
    report.newcomers_in_all = 0;
    report.countries_in_all = Distinct::exact(0);
    for top in &mut report.tops {
        top.rows.clear();
        (top.of, top.total) = (Some(0), Amount::default());
    }
    for peak in &mut report.peaks {
        *peak = Peak { way: peak.way.clone(), step_ms: peak.step_ms, ..Peak::default() };
    }
    report.summary = vec!["Nothing was collected in October 2026.".to_owned()];
    report
}

/// 366 days; nothing is known of the year before.
pub fn year() -> Report {
    let mut report = report();
    report.steps = steps(366);
    for step in &mut report.steps {
        step.before = None;
    }
    "2024-01-01 00:00 – 2025-01-01 00:00".clone_into(&mut report.period);
    report.question.period = Period::Custom;
    report
}
