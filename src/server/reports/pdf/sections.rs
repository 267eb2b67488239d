//! The sections over time and the world, in the order and the words of the page.

use krilla::tagging::Tag;

use super::composer::{Composer, SMALL};
use super::figure;
use super::lists;
use super::table::{self, Cell, Kind, Table, columns};
use super::typeface::{clean, clean_name};
use super::words::{UNKNOWN, figure, trend};
use crate::components::drawing::Drawing;
use crate::components::report::figures;
use crate::components::report::wording::{self, StepName};
use crate::model::history::{Amount, Metric};
use crate::model::quantity::{bits, bytes};
use crate::model::report::{Peak, Report, Section, Step};

/// Units that figures are wide: their letters are as large as those of tables.
const WIDTH: f64 = 660.0;
/// The same of two beside each other.
const HALF: f64 = 400.0;

/// Composes a section.
pub fn compose(composer: &mut Composer, report: &Report, section: Section) {
    composer.within(Tag::Section, |composer| match section {
        Section::Days => days(composer, report),
        Section::Hours => hours(composer, report),
        Section::Map => map(composer, report),
        Section::New => lists::newcomers(composer, report),
        Section::Exporters => lists::exporters(composer, report),
        Section::Countries
        | Section::Cities
        | Section::Systems
        | Section::Services
        | Section::Protocols
        | Section::HomeHosts
        | Section::OutsideHosts => {
            for top in report.tops.iter().filter(|top| top.section == section) {
                lists::top(composer, top, report);
            }
        }
    });
}

/// A small line that belongs to what follows it.
fn caption(composer: &mut Composer, text: &str, follows: f32) {
    composer.make_room(SMALL.leading + follows);
    composer.paragraph(SMALL, &clean(text));
    composer.y += 4.0;
}

/// A heading with a figure below it.
fn headed(composer: &mut Composer, heading: &str, text: &str, drawing: &Drawing) {
    let height = figure::height(composer, drawing, 1.0);
    composer.heading(heading, height + SMALL.leading + 4.0);
    caption(composer, text, height);
    figure::draw(composer, drawing);
}

fn days(composer: &mut Composer, report: &Report) {
    let StepName { each, column } = wording::step_name(report);
    let heading = wording::steps_heading(report);
    let drawn = |metric, width| figures::days_of(report, metric, width);
    if report.steps.is_empty() {
        composer.heading(&heading, SMALL.leading);
        caption(composer, "Nothing was collected.", 0.0);
        return;
    }
    headed(composer, &heading, &format!("Bytes by {each}"), &drawn(Metric::Bytes, WIDTH));
    composer.y += 10.0;
    let pair = [Metric::Flows, Metric::Packets].map(|metric| drawn(metric, HALF));
    let captions = [format!("Flows by {each}"), format!("Packets by {each}")];
    figure::draw_pair(composer, &pair, &captions);
    composer.y += 10.0;
    let table = Table {
        summary: heading,
        columns: columns([
            (column, Kind::Name),
            ("Bytes", Kind::Figure),
            ("Inbound", Kind::Figure),
            ("Outbound", Kind::Figure),
            ("Change in bytes", Kind::Figure),
            ("Flows", Kind::Figure),
            ("Packets", Kind::Figure),
        ]),
        rows: report.steps.iter().map(day).collect(),
        total: Vec::new(),
    };
    table::draw(composer, &table);
}

fn day(step: &Step) -> Vec<Cell> {
    let total = Amount { traffic: step.total, addresses: None };
    let aside = if step.has_gap { "gap" } else { "" }.to_owned();
    let before = step.before.map(|before| before.scaled_bytes);
    vec![
        Cell { text: clean_name(&step.label), aside, per_mille: 0 },
        Cell::of(figure(&total, Metric::Bytes)),
        Cell::of(bytes(step.inbound.scaled_bytes)),
        Cell::of(bytes(step.outbound.scaled_bytes)),
        Cell::of(trend(total.of(Metric::Bytes), before)),
        Cell::of(figure(&total, Metric::Flows)),
        Cell::of(figure(&total, Metric::Packets)),
    ]
}

fn hours(composer: &mut Composer, report: &Report) {
    let in_week = "Mean rate of each hour of the week, bits a second";
    match figures::week_hours_in(report, WIDTH) {
        Some(grid) => headed(composer, Section::Hours.heading(), in_week, &grid),
        None => composer.heading(Section::Hours.heading(), 60.0),
    }
    let rates = wording::rates(report);
    if report.peaks.is_empty() {
        caption(composer, &rates, 0.0);
        return;
    }
    composer.y += 10.0;
    let table = Table {
        summary: "Rates".to_owned(),
        columns: columns([
            ("Direction", Kind::Name),
            ("Mean", Kind::Figure),
            ("95th percentile", Kind::Figure),
            ("Peak", Kind::Figure),
            ("Peak at", Kind::Figure),
        ]),
        rows: report.peaks.iter().map(rate).collect(),
        total: Vec::new(),
    };
    let follows = table::least_height(composer, &table);
    caption(composer, &rates, follows);
    table::draw(composer, &table);
}

fn rate(peak: &Peak) -> Vec<Cell> {
    let at = if peak.peak_bits_per_second == 0 { UNKNOWN.to_owned() } else { clean_name(&peak.peak_at) };
    vec![
        Cell::of(clean_name(&peak.way)),
        Cell::of(bits(peak.mean_bits_per_second)),
        Cell::of(bits(peak.p95_bits_per_second)),
        Cell::of(bits(peak.peak_bits_per_second)),
        Cell::of(at),
    ]
}

fn map(composer: &mut Composer, report: &Report) {
    let caption = wording::map_caption(report);
    headed(composer, Section::Map.heading(), &caption, &figures::world_in(report, WIDTH));
}
