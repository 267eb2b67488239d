//! What stands before the sections: the title, the period in sentences, its figures in large, and by direction.

use krilla::tagging::Tag;

use super::colours;
use super::composer::{BODY, Composer, SMALL, Style, count, filled_box};
use super::table::{self, Cell, Kind, Table, columns};
use super::typeface::{Weight, clean};
use super::words::{change, figure};
use crate::components::heatmap::rows::{certainty, full, metric_label};
use crate::model::history::Metric;
use crate::model::report::{Compared, Report};

/// Height of a large figure with what stands around it.
const TILE: f32 = 58.0;
/// Between two of them.
const GAP: f32 = 8.0;
/// Between its edge and its words.
const INSET: f32 = 7.0;

/// Composes all of it.
pub fn compose(composer: &mut Composer, report: &Report, title: &str) {
    composer.title(title);
    let period = Style { colour: colours::SOFT, size: 13.0, leading: 19.0, weight: Weight::SemiBold };
    composer.paragraph(period, &clean(&report.period));
    composer.y += 2.0;
    let mut lines = vec![
        format!("Compared with {}", report.period_before),
        format!("Time zone {}", report.question.zone),
        format!("Made {}", report.made_at),
    ];
    if !report.question.filter.trim().is_empty() {
        lines.push(format!("Only flows with {}", report.question.filter));
    }
    composer.paragraph(Style { colour: colours::SOFT, ..SMALL }, &clean(&lines.join(" · ")));
    composer.y += 10.0;
    let summary = report.summary.join(" ");
    if !summary.trim().is_empty() {
        composer.paragraph(BODY, &clean(&summary));
        composer.y += 10.0;
    }
    tiles(composer, &report.total);
    table::draw(composer, &directions(report));
}

/// The figures that a reader looks for first.
fn tiles(composer: &mut Composer, total: &Compared) {
    composer.make_room(TILE);
    let number = count(Metric::ALL.len());
    let width = (composer.width() - GAP * (number - 1.0)) / number;
    let top = composer.y;
    for (at, metric) in Metric::ALL.into_iter().enumerate() {
        tile(composer, (Composer::LEFT + count(at) * (width + GAP), top, width), total, metric);
    }
    composer.y = top + TILE + 12.0;
}

fn tile(composer: &mut Composer, (left, top, width): (f32, f32, f32), total: &Compared, metric: Metric) {
    let is_known = metric != Metric::Addresses || total.now.addresses.is_some();
    let name = if metric == Metric::Addresses { "Outside addresses" } else { metric_label(metric) };
    let exact = match (is_known, certainty(&total.now, metric).as_str()) {
        (false, _) => "not counted".to_owned(),
        (true, "") => full(metric, total.now.of(metric)),
        (true, certain) => format!("{}, {certain}", full(metric, total.now.of(metric))),
    };
    let ground = filled_box(left, top, width, TILE, colours::RAISED);
    composer.decoration(ground.into_iter().collect());
    let small = Style { size: 7.5, ..SMALL };
    let large = Style { size: 14.0, leading: 18.0, weight: Weight::SemiBold, colour: colours::TEXT };
    let mut lines = vec![(13.0, small, name.to_owned()), (31.0, large, figure(&total.now, metric))];
    if is_known {
        lines.push((43.0, small, change(total, metric)));
    }
    lines.push((53.0, small, exact));
    composer.within(Tag::P, |composer| {
        for (below, style, text) in lines {
            // Whatever is too long for its box gets smaller letters.
            let wide = composer.measure(style, &text);
            let size = style.size * ((width - 2.0 * INSET) / wide).min(1.0);
            composer.line(left + INSET, top + below, Style { size, ..style }, &format!("{text} "));
        }
    });
}

/// Which way it went.
fn directions(report: &Report) -> Table {
    let row = |name: &str, meaning: &str, amount: &Compared| {
        vec![
            Cell { text: name.to_owned(), aside: meaning.to_owned(), per_mille: 0 },
            Cell::of(figure(&amount.now, Metric::Bytes)),
            Cell::of(change(amount, Metric::Bytes)),
            Cell::of(figure(&amount.now, Metric::Flows)),
            Cell::of(figure(&amount.now, Metric::Packets)),
        ]
    };
    Table {
        summary: "Traffic by direction".to_owned(),
        columns: columns([
            ("Direction", Kind::Name),
            ("Bytes", Kind::Figure),
            ("Change in bytes", Kind::Figure),
            ("Flows", Kind::Figure),
            ("Packets", Kind::Figure),
        ]),
        rows: vec![
            row("Inbound", "from outside to home networks", &report.inbound),
            row("Outbound", "from home networks to the outside", &report.outbound),
            row("Internal", "between home networks", &report.internal),
            row("Transit", "between others", &report.transit),
        ],
        total: row("All", "", &report.total),
    }
}
