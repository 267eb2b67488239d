//! The sections that are lists: who had most, what was new, and how far to trust it all.

use super::composer::{BODY, Composer, SMALL};
use super::table::{self, Cell, Kind, Table, columns};
use super::typeface::{clean, clean_name};
use super::words::{change, figure, named};
use crate::components::report::wording;
use crate::model::history::Metric;
use crate::model::quantity::{count, per_mille, percent};
use crate::model::report::{ExporterEntry, Newcomer, Report, Section, TopEntry, TopSection};

/// A heading with a table below it, or with what to say instead of an empty one.
fn headed(composer: &mut Composer, section: Section, table: &Table) {
    let is_empty = table.rows.is_empty();
    let follows = if is_empty { BODY.leading } else { table::least_height(composer, table) };
    composer.heading(section.heading(), follows);
    if !is_empty {
        table::draw(composer, table);
    }
}

fn remark(composer: &mut Composer, text: &str) {
    let text = clean(text);
    if !text.trim().is_empty() {
        composer.y += 4.0;
        composer.paragraph(SMALL, &text);
    }
}

/// Composes a list of a section.
pub fn top(composer: &mut Composer, top: &TopSection, report: &Report) {
    let has_addresses = top.rows.iter().any(|row| row.amount.now.addresses.is_some());
    let all = top.total.of(Metric::Bytes);
    let largest = top.rows.iter().map(|row| row.amount.now.of(Metric::Bytes)).max().unwrap_or(0);
    let mut heads = columns([
        ("", Kind::Name),
        ("Bytes", Kind::Figure),
        ("Share", Kind::Share),
        ("Change in bytes", Kind::Figure),
        ("Flows", Kind::Figure),
        ("Packets", Kind::Figure),
    ]);
    if let Some((head, _)) = heads.first_mut() {
        *head = clean_name(&top.column);
    }
    if has_addresses {
        heads.push(("Distinct IPs".to_owned(), Kind::Figure));
    }
    let table = Table {
        summary: top.section.heading().to_owned(),
        columns: heads,
        rows: top.rows.iter().map(|row| entry(row, all, largest, has_addresses)).collect(),
        total: Vec::new(),
    };
    headed(composer, top.section, &table);
    remark(composer, &wording::below_list(top, report));
}

fn entry(row: &TopEntry, all: u64, largest: u64, has_addresses: bool) -> Vec<Cell> {
    let (text, aside) = named(&row.key);
    let now = &row.amount.now;
    let part = now.of(Metric::Bytes);
    let share = percent(part, all).replace("below ", "<\u{202f}");
    let mut cells = vec![
        Cell { text, aside, per_mille: 0 },
        Cell::of(figure(now, Metric::Bytes)),
        Cell { text: share, per_mille: per_mille(part, largest), ..Cell::default() },
        Cell::of(change(&row.amount, Metric::Bytes)),
        Cell::of(figure(now, Metric::Flows)),
        Cell::of(figure(now, Metric::Packets)),
    ];
    if has_addresses {
        cells.push(Cell::of(figure(now, Metric::Addresses)));
    }
    cells
}

/// Composes what was seen for the first time.
pub fn newcomers(composer: &mut Composer, report: &Report) {
    let row = |new: &Newcomer| {
        let (text, aside) = named(&new.key);
        vec![
            Cell { text, aside, per_mille: 0 },
            Cell::of(clean_name(&new.kind)),
            Cell::of(clean_name(&new.first_seen)),
            Cell::of(figure(&new.amount, Metric::Bytes)),
            Cell::of(figure(&new.amount, Metric::Flows)),
        ]
    };
    let table = Table {
        summary: "Countries and autonomous systems seen for the first time".to_owned(),
        columns: columns([
            ("What", Kind::Name),
            ("Kind", Kind::Words),
            ("First seen", Kind::Words),
            ("Bytes", Kind::Figure),
            ("Flows", Kind::Figure),
        ]),
        rows: report.newcomers.iter().map(row).collect(),
        total: Vec::new(),
    };
    headed(composer, Section::New, &table);
    remark(composer, &wording::below_newcomers(report));
}

/// Composes the exporters with what is missing of each.
pub fn exporters(composer: &mut Composer, report: &Report) {
    let table = Table {
        summary: "Exporters and what is missing of them".to_owned(),
        columns: columns([
            ("Exporter", Kind::Name),
            ("Bytes", Kind::Figure),
            ("Change in bytes", Kind::Figure),
            ("Flows", Kind::Figure),
            ("Records missing", Kind::Figure),
            ("Datagrams missing", Kind::Figure),
            ("Undecodable", Kind::Figure),
            ("Silent hours", Kind::Figure),
            ("Sampling unknown", Kind::Figure),
        ]),
        rows: report.exporters.iter().map(exporter).collect(),
        total: Vec::new(),
    };
    headed(composer, Section::Exporters, &table);
    if report.exporters.is_empty() {
        remark(composer, wording::NO_EXPORTER);
    }
    if let Some(lost) = wording::lost(report) {
        remark(composer, &lost);
    }
}

fn exporter(entry: &ExporterEntry) -> Vec<Cell> {
    let (text, aside) = named(&entry.exporter);
    let now = &entry.amount.now;
    let unknown = percent(now.traffic.unknown_sampling, now.traffic.flows).replace("below ", "<\u{202f}");
    vec![
        Cell { text, aside, per_mille: 0 },
        Cell::of(figure(now, Metric::Bytes)),
        Cell::of(change(&entry.amount, Metric::Bytes)),
        Cell::of(figure(now, Metric::Flows)),
        Cell::of(count(entry.missing_records)),
        Cell::of(count(entry.missing_datagrams)),
        Cell::of(count(entry.undecodable)),
        Cell::of(entry.silent_hours.map_or_else(|| "–".to_owned(), |hours| count(u64::from(hours)))),
        Cell::of(unknown),
    ]
}
