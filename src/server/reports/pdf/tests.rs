//! PDFs as their readers see them, by poppler's tools.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::components::report::sample;
use crate::model::history::{Amount, CountryAmount, Distinct, Key};
use crate::model::place::CountryCode;
use crate::model::quantity::{bytes, count};
use crate::model::report::{
    Compared, ExporterEntry, Newcomer, Peak, Period, ReportQuestion, Section, Step, TopEntry, TopSection,
    WeekHours,
};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;

/// Text that tries what it can: directions, controls, markup, PDF operators, scripts without glyphs.
const HOSTILE: &str =
    "<b>x</b> ) Tj ET (\\ \u{202e}gnp.exe\u{202c}\u{0}\u{1b}[31m שלום 東京 😀 é\u{301} =cmd|' /C'!A0";

fn traffic(scale: u64) -> Traffic {
    Traffic {
        flows: 1_234 * scale,
        bytes: 987_654_321 * scale,
        packets: 1_111_111 * scale,
        scaled_bytes: 987_654_321 * scale,
        scaled_packets: 1_111_111 * scale,
        unknown_sampling: 7 * scale,
    }
}

fn amount(scale: u64) -> Amount {
    Amount { traffic: traffic(scale), addresses: Some(Distinct { count: 4_321 * scale, error: 0.01 }) }
}

fn compared(scale: u64) -> Compared {
    Compared { now: amount(scale), before: Some(amount(scale + 1)) }
}

fn key(value: &str, label: &str) -> Key {
    Key { value: value.to_owned(), label: label.to_owned() }
}

fn question(sections: Vec<Section>) -> ReportQuestion {
    ReportQuestion {
        title: "Traffic of the university".to_owned(),
        period: Period::Month,
        range: TimeRange { from_ms: 1_790_805_600_000, to_ms: 1_793_484_000_000 },
        zone: "Africa/Johannesburg".to_owned(),
        filter: String::new(),
        sections,
    }
}

/// A report in which nothing was collected.
fn empty() -> Report {
    let mut report = sample::bare(question(Section::ALL.to_vec()));
    report.source.gaps = vec![report.question.range];
    Report {
        period: "October 2026".to_owned(),
        period_before: "September 2026".to_owned(),
        made_ms: 1_793_500_200_000,
        made_at: "2026-11-01 03:30 SAST".to_owned(),
        summary: vec!["Nothing was collected in October 2026.".to_owned()],
        ..report
    }
}

fn step(day: u64) -> Step {
    Step {
        label: format!("2026-10-{day:02}"),
        range: TimeRange { from_ms: 0, to_ms: 1 },
        inbound: traffic(day * 2),
        outbound: traffic(day),
        total: traffic(day * 3 + 1),
        before: (day != 4).then(|| traffic(day * 3)),
        has_gap: day == 9,
    }
}

fn top(section: Section, column: &str, rows: &[(&str, &str)]) -> TopSection {
    let rows = rows.iter().zip(1..).map(|((value, label), at)| TopEntry {
        key: key(value, label),
        amount: Compared { now: amount(40 - at), before: (at != 3).then(|| amount(at * at)) },
    });
    TopSection {
        section,
        column: column.to_owned(),
        rows: rows.collect(),
        of: Some(123_456),
        total: amount(1_000),
        source: sample::bare_source(TimeRange { from_ms: 0, to_ms: 1 }),
    }
}

/// A report with everything, and names that nobody would choose.
fn full() -> Report {
    let names = [
        ("ZA", "South Africa"),
        ("15169", "Google LLC"),
        ("203.0.113.7", ""),
        (
            "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff",
            "a.very.long.host.name.that.goes.on.and.on.for.ever.example.org",
        ),
        ("x", HOSTILE),
        ("Ž", "Łódź — Žižkov · Ελλάδα · Україна"),
        ("y", ""),
    ];
    let mut rows: Vec<(&str, &str)> = names.to_vec();
    let more: Vec<String> = (0..18).map(|at| format!("Name number {at}")).collect();
    rows.extend(more.iter().map(|name| ("v", name.as_str())));
    let lists = [
        (Section::Countries, "Country"),
        (Section::Cities, "City"),
        (Section::Systems, "Autonomous system"),
        (Section::Services, "Service"),
        (Section::Protocols, "Protocol"),
        (Section::HomeHosts, "Address"),
        (Section::OutsideHosts, "Address"),
    ];
    let country = |(code, scale): (&str, u64)| CountryAmount {
        country: CountryCode::parse(code),
        amount: amount(scale),
    };
    let countries =
        [("US", 900), ("ZA", 400), ("DE", 90), ("BR", 30), ("RU", 7), ("CN", 2), ("TV", 1), ("??", 5)];
    let exporter = |at: u64| ExporterEntry {
        exporter: if at == 3 { key("192.0.2.3", HOSTILE) } else { key(&format!("192.0.2.{at}"), "edge") },
        amount: compared(at + 1),
        missing_records: at * 1_001,
        missing_datagrams: at * 13,
        undecodable: at,
        silent_hours: Some(2),
    };
    Report {
        summary: vec![
            format!(
                "In October 2026 Meridian saw {} in {} flows, 12\u{202f}% more than in September 2026.",
                bytes(1_234_567_890_123),
                count(98_765_432)
            ),
            "Most of it, 61\u{202f}%, came from outside to home networks; South Africa, the United States and \
             Germany had most of it."
                .to_owned(),
            format!("The exporter {HOSTILE} told most."),
        ],
        total: compared(1_250_000),
        inbound: compared(800_000),
        outbound: compared(400_000),
        internal: compared(49_000),
        transit: Compared { now: amount(1_000), before: None },
        steps: (1..=31).map(step).collect(),
        week: Some(WeekHours {
            bytes_per_second: (0..7)
                .map(|day| (0..24).map(|hour| (hour != 5).then_some(day * 1_000_000 + hour * 70_000)).collect())
                .collect(),
        }),
        peaks: ["Inbound", "Outbound", "All"]
            .iter()
            .zip(1..)
            .map(|(way, at)| Peak {
                way: (*way).to_owned(),
                step_ms: 300_000,
                peak_bits_per_second: at * 3_456_789_012,
                peak_at: "2026-10-21 14:05".to_owned(),
                p95_bits_per_second: at * 1_234_567_890,
                mean_bits_per_second: at * 345_678_901,
            })
            .collect(),
        countries: countries.into_iter().map(country).collect(),
        tops: lists.into_iter().map(|(section, column)| top(section, column, &rows)).collect(),
        newcomers: (0..12)
            .map(|at| Newcomer {
                kind: if at % 2 == 0 { "Country" } else { "AS" }.to_owned(),
                key: key(&format!("6451{at}"), "A new one"),
                first_seen: "2026-10-12".to_owned(),
                amount: amount(12 - at),
            })
            .collect(),
        newcomers_in_all: 77,
        exporters: (0..6).map(exporter).collect(),
        lost_records: 4_242,
        countries_in_all: Distinct::exact(143),
        notes: vec![
            "Between 2026-10-09 04:00 and 2026-10-09 11:30 nothing was collected.".to_owned(),
            "Bytes and packets are scaled by the sampling interval of each flow; for 0.6\u{202f}% of the flows \
             it is unknown, and these count as exported."
                .to_owned(),
            "Distinct outside addresses are estimates with a standard error of 1\u{202f}%.".to_owned(),
        ],
        ..empty()
    }
}

/// A report of one day by hours, without addresses.
fn one_day() -> Report {
    let steps = (0..24).map(|hour| Step { label: format!("2026-10-31 {hour:02}:00"), ..step(hour + 1) });
    Report {
        period: "2026-10-31".to_owned(),
        period_before: "2026-10-30".to_owned(),
        steps: steps.collect(),
        ..full()
    }
}

/// A report whose every figure is as large as it can be.
fn largest() -> Report {
    const MOST: u64 = u64::MAX;
    let traffic = Traffic {
        flows: MOST,
        bytes: MOST,
        packets: MOST,
        scaled_bytes: MOST,
        scaled_packets: MOST,
        unknown_sampling: MOST,
    };
    let amount = Amount { traffic, addresses: Some(Distinct { count: MOST, error: 0.01 }) };
    let compared = Compared { now: amount, before: Some(Amount { addresses: None, ..amount }) };
    let mut report = full();
    for part in [
        &mut report.total,
        &mut report.inbound,
        &mut report.outbound,
        &mut report.internal,
        &mut report.transit,
    ] {
        *part = compared;
    }
    for step in &mut report.steps {
        (step.inbound, step.outbound, step.total, step.before) = (traffic, traffic, traffic, Some(traffic));
    }
    report.week = Some(WeekHours { bytes_per_second: vec![vec![Some(MOST); 24]; 7] });
    for peak in &mut report.peaks {
        peak.peak_bits_per_second = MOST;
        peak.p95_bits_per_second = MOST;
        peak.mean_bits_per_second = MOST;
    }
    report.countries.iter_mut().for_each(|country| country.amount = amount);
    for top in &mut report.tops {
        (top.of, top.total) = (Some(MOST), amount);
        top.rows.iter_mut().for_each(|row| row.amount = compared);
    }
    report.newcomers.iter_mut().for_each(|new| new.amount = amount);
    report.newcomers_in_all = MOST;
    for exporter in &mut report.exporters {
        exporter.amount = compared;
        exporter.missing_records = MOST;
        exporter.missing_datagrams = MOST;
        exporter.undecodable = MOST;
        exporter.silent_hours = Some(u32::MAX);
    }
    report.lost_records = MOST;
    report.countries_in_all = Distinct::exact(MOST);
    report
}

fn pdf(report: &Report, page: Paper) -> Vec<u8> {
    let pdf = write(report, &Look { page, logo: None }).unwrap();
    // To look at them: MERIDIAN_PDFS names a folder.
    if let Some(folder) = std::env::var_os("MERIDIAN_PDFS") {
        let name = format!("{:?}-{}-{}.pdf", page, report.tops.len(), report.period);
        std::fs::write(std::path::Path::new(&folder).join(name), &pdf).unwrap();
    }
    pdf
}

/// What one of poppler's tools says of a PDF.
fn poppler(tool: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let mut process = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{tool} of poppler-utils (make setup installs it): {error}"));
    let mut input = process.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(pdf).unwrap());
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{tool} {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    })
}

/// The text in the order of reading. Poppler writes each white space as a space or the end of a line.
fn text(pdf: &[u8]) -> String {
    words(&poppler("pdftotext", &["-enc", "UTF-8", "-raw", "-", "-"], pdf))
}

/// A text with one space between its words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_sentence_and_every_figure_is_in_the_text() {
    let report = full();
    for page in [Paper::A4, Paper::Letter] {
        let text = text(&pdf(&report, page));
        for wanted in report.summary.iter().chain(&report.notes) {
            let wanted = words(&typeface::clean(wanted));
            assert!(wanted.contains("gnp.exe") || text.contains(&wanted), "{wanted:?}\n{text}");
        }
        let mut figures = Vec::new();
        let mut add = |amount: &Amount| {
            figures.push(bytes(amount.traffic.scaled_bytes));
            figures.push(count(amount.traffic.flows));
            figures.push(count(amount.traffic.scaled_packets));
        };
        for way in [&report.total, &report.inbound, &report.outbound, &report.internal, &report.transit] {
            add(&way.now);
        }
        for top in &report.tops {
            add(&top.total);
            top.rows.iter().for_each(|row| add(&row.amount.now));
        }
        for step in &report.steps {
            figures.push(bytes(step.inbound.scaled_bytes));
            figures.push(bytes(step.total.scaled_bytes));
            figures.push(count(step.total.flows));
        }
        figures.extend(report.exporters.iter().map(|entry| count(entry.missing_records)));
        figures.extend([count(4_242), count(123_456), "143".to_owned(), "2026-10-21 14:05".to_owned()]);
        for figure in figures {
            assert!(text.contains(&words(&figure)), "{figure:?}\n{text}");
        }
        for heading in Section::ALL.map(Section::heading) {
            assert!(text.contains(heading), "{heading}");
        }
    }
}

#[test]
fn hostile_names_are_text_and_turn_nothing() {
    let text = text(&pdf(&full(), Paper::A4));
    assert!(text.contains("<b>x</b> ) Tj ET (\\"), "{text}");
    for word in ["gnp.exe", "[31m", "東京", "😀", "=cmd|'"] {
        assert!(text.contains(word), "{word}");
    }
    // Poppler turns what it takes for Hebrew that was drawn from right to left.
    assert!(text.contains("שלום") || text.contains("םולש"), "{text}");
    assert!(!text.contains(['\u{202e}', '\u{0}', '\u{1b}']));
}

#[test]
fn a_reader_of_pdfs_finds_title_outline_tags_and_page_numbers() {
    let report = full();
    for (page, size) in [(Paper::A4, "595.28 x 841.89 pts (A4)"), (Paper::Letter, "612 x 792 pts (letter)")] {
        let pdf = pdf(&report, page);
        let info = poppler("pdfinfo", &["-isodates", "-"], &pdf);
        let says = |name: &str, value: &str| {
            let line = info.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default();
            assert_eq!(line.split_once(':').map(|(_, said)| said.trim()), Some(value), "{info}");
        };
        says("Title", "Traffic of the university");
        says("Subject", "October 2026");
        says("Author", "Meridian");
        says("Tagged", "yes");
        says("Page size", size);
        says("CreationDate", "2026-11-01T02:30:00Z");
        let metadata = poppler("pdfinfo", &["-meta", "-"], &pdf);
        assert!(metadata.contains("<pdfuaid:part>1</pdfuaid:part>"), "{metadata}");
        let pages = poppler("pdftotext", &["-enc", "UTF-8", "-", "-"], &pdf);
        let pages: Vec<&str> = pages.trim_end_matches('\u{c}').split('\u{c}').collect();
        for (page, number) in pages.iter().zip(1..) {
            assert!(page.contains(&format!("{number} / {}", pages.len())), "{page}");
            assert!(page.contains("October 2026") && page.contains("Traffic of the university"), "{page}");
        }
        says("Pages", &pages.len().to_string());
        let structure = poppler("pdfinfo", &["-struct", "-"], &pdf);
        for element in ["H1", "H2", "Sect", "P", "Table", "THead", "TH", "TR", "TD"] {
            assert!(structure.lines().any(|line| line.trim_start().starts_with(element)), "{element}");
        }
        let outline = poppler("pdftohtml", &["-xml", "-i", "-stdout", "-", "outline"], &pdf);
        let outline = outline.split_once("<outline>").map_or("", |(_, outline)| outline);
        for heading in Section::ALL.map(Section::heading) {
            assert!(outline.contains(&format!(">{heading}</item>")), "{heading}: {outline}");
        }
    }
}

#[test]
fn nothing_stands_beyond_the_margins() {
    for report in [full(), one_day(), empty(), largest()] {
        for page in [Paper::A4, Paper::Letter] {
            let boxes = poppler("pdftotext", &["-bbox", "-enc", "UTF-8", "-", "-"], &pdf(&report, page));
            let (width, height) = page.points();
            let mut words = 0;
            for line in boxes.lines().filter(|line| line.contains("<word ")) {
                let edge = |name: &str| -> f32 {
                    let value = line.split_once(&format!("{name}=\"")).unwrap().1;
                    value.split('"').next().unwrap().parse().unwrap()
                };
                let is_inside = edge("xMin") >= 46.0
                    && edge("xMax") <= width - 46.0
                    && edge("yMin") >= 25.0
                    && edge("yMax") <= height - 20.0;
                assert!(is_inside, "{page:?}: {line}");
                words += 1;
            }
            assert!(words > 30);
        }
    }
}

#[test]
fn the_same_report_makes_the_same_bytes() {
    let look = Look::default();
    assert!(write(&full(), &look).unwrap() == write(&full(), &look).unwrap());
}

#[test]
fn a_report_without_traffic_says_so() {
    let text = text(&pdf(&empty(), Paper::A4));
    let said = ["Nothing was collected in October 2026.", "No rates: nothing was collected.", "0 B"];
    for wanted in [&said[..], &["No exporter told anything."]].concat() {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    // One of two years has days only.
    let long = Report { peaks: Vec::new(), week: None, ..full() };
    let text = self::text(&pdf(&long, Paper::A4));
    assert!(text.contains("No rates: hours are not looked at in so long a range, or not kept."), "{text}");
}

#[test]
fn it_says_the_same_as_the_page() {
    let mut report = one_day();
    report.question.title = "\u{202e}".to_owned();
    report.source.note = "Said of all of it.".to_owned();
    report.tops.iter_mut().for_each(|top| top.source.note.clone_from(&report.source.note));
    let text = text(&pdf(&report, Paper::A4));
    for wanted in ["Traffic report", "Traffic by hour", "with most bytes, of 123 456 in all."] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(!text.contains("Traffic by day") && !text.contains("Said of all of it."), "{text}");
}

#[test]
fn only_the_sections_that_were_chosen_are_in_it() {
    let report = Report { question: question(vec![Section::Exporters]), ..full() };
    let text = text(&pdf(&report, Paper::A4));
    assert!(text.contains(Section::Exporters.heading()));
    assert!(!text.contains(Section::Days.heading()) && !text.contains("First seen"));
}

#[test]
fn a_logo_that_cannot_be_read_is_left_out() {
    let png = [
        0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0,
        0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T', 0x78, 0x9c,
        0x63, 0x60, 0, 0, 0, 2, 0, 1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42,
        0x60, 0x82,
    ];
    let with = |logo: &[u8]| write(&empty(), &Look { logo: Some(logo.to_vec()), ..Look::default() }).unwrap();
    let none = write(&empty(), &Look::default()).unwrap();
    assert_eq!(with(b"no picture"), none);
    assert_eq!(with(&[]), none);
    assert!(poppler("pdftotext", &["-", "-"], &with(&png)).contains("October"));
    for length in (8..png.len()).step_by(15) {
        assert!(poppler("pdftotext", &["-", "-"], &with(&png[..length])).contains("October"), "{length}");
    }
}

#[test]
fn very_many_rows_and_very_long_names_are_all_there() {
    let long = "W".repeat(5_000);
    let exporters = (0..500).map(|at| ExporterEntry {
        exporter: key(&format!("10.0.{}.{}", at / 250, at % 250), if at == 250 { &long } else { "name" }),
        ..ExporterEntry::default()
    });
    let mut report = Report { exporters: exporters.collect(), ..empty() };
    report.question.title = "Long title ".repeat(40);
    report.question.filter = format!("host in ({})", "192.0.2.1, ".repeat(300));
    let text = text(&pdf(&report, Paper::Letter));
    for at in 0..500 {
        assert!(text.contains(&format!("10.0.{}.{} ", at / 250, at % 250)), "{at}");
    }
    assert_eq!(text.matches("192.0.2.1").count(), 300);
    assert!(text.contains("WWWW") && text.contains('…'));
}
