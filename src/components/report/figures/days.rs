//! Traffic over time: a bar a day, or an hour of a short report, with the period before as a dashed line.

use super::gaps::hatch;
use super::key::{self, Sample};
use super::sheet::{Area, Sheet, text_width};
use super::{LETTERS, WIDE};
use crate::components::charts::scale::{Scale, drawn};
use crate::components::charts::unit::Unit;
use crate::components::drawing::{Anchor, Drawing, Ink};
use crate::components::heatmap::rows::{metric_label, short};
use crate::model::history::{Amount, Metric};
use crate::model::report::{Report, Step};
use crate::model::traffic::Traffic;

/// More bars than these are put together.
const MOST_BARS: usize = 62;
/// Room for the figures of the axis.
const LEFT: f64 = 58.0;
const INBOUND: Ink = Ink::Series(1);
const OUTBOUND: Ink = Ink::Series(2);
const OTHER: Ink = Ink::Series(3);

/// Bytes over time, on a line of its own.
pub fn days(report: &Report) -> Drawing {
    days_of(report, Metric::Bytes, WIDE)
}

/// A metric over time. Distinct addresses have no days.
pub fn days_of(report: &Report, metric: Metric, width: f64) -> Drawing {
    let steps_a_bar = report.steps.len().div_ceil(MOST_BARS).max(1);
    let bars: Vec<Bar> = report.steps.chunks(steps_a_bar).map(|steps| Bar::of(steps, metric)).collect();
    let mut sheet = Sheet::new(width);
    let top = key::entries(&mut sheet, LEFT, 0.0, &entries(report, &bars)) + LETTERS;
    let height = if width < WIDE { 150.0 } else { 210.0 };
    let plot = Area { x: LEFT, y: top, width: width - LEFT, height };
    let largest = bars.iter().map(|bar| bar.total().max(bar.before.unwrap_or(0))).max().unwrap_or(0);
    let scale = Scale::for_largest(drawn(largest), 0.0, 4);
    let slots = Slots { plot, number: u32::try_from(bars.len()).unwrap_or(1).max(1) };
    for (position, run) in runs(&bars) {
        let (from, to) = (slots.left(position), slots.left(position + run));
        hatch(&mut sheet, Area { x: from, width: to - from, ..plot });
    }
    axis(&mut sheet, plot, &scale, metric);
    for (position, bar) in (0_u32..).zip(&bars) {
        draw_bar(&mut sheet, slots.bar(position), bar, &scale, &bar.told(report, metric));
    }
    line_before(&mut sheet, slots, &bars, &scale);
    let foot = labels(&mut sheet, slots, &bars);
    sheet.finish(foot, told(report, metric, &bars, steps_a_bar))
}

/// A bar of the chart.
struct Bar {
    first: String,
    last: String,
    inbound: u64,
    outbound: u64,
    other: u64,
    before: Option<u64>,
    has_gap: bool,
}

impl Bar {
    fn of(steps: &[Step], metric: Metric) -> Self {
        let figure = |traffic: Traffic| Amount { traffic, addresses: None }.of(metric);
        let sum = |of: fn(&Step) -> Traffic| {
            steps.iter().fold(0_u64, |sum, step| sum.saturating_add(figure(of(step))))
        };
        let (inbound, outbound) = (sum(|step| step.inbound), sum(|step| step.outbound));
        let before = steps
            .iter()
            .try_fold(0_u64, |sum, step| step.before.map(|before| sum.saturating_add(figure(before))));
        Self {
            first: steps.first().map(|step| step.label.clone()).unwrap_or_default(),
            last: steps.last().map(|step| step.label.clone()).unwrap_or_default(),
            inbound,
            outbound,
            other: sum(|step| step.total).saturating_sub(inbound).saturating_sub(outbound),
            before,
            has_gap: steps.iter().any(|step| step.has_gap),
        }
    }

    const fn total(&self) -> u64 {
        self.inbound.saturating_add(self.outbound).saturating_add(self.other)
    }

    /// `2026-10-05`, or `2026-10-05 to 2026-10-08`.
    fn name(&self) -> String {
        if self.first == self.last { self.first.clone() } else { format!("{} to {}", self.first, self.last) }
    }

    fn told(&self, report: &Report, metric: Metric) -> String {
        let [total, inbound, outbound] =
            [self.total(), self.inbound, self.outbound].map(|figure| short(metric, figure));
        let before = self.before.map_or_else(String::new, |before| {
            format!("; {} at this place of {}", short(metric, before), report.period_before)
        });
        let gap = if self.has_gap { "; not collected all the time" } else { "" };
        format!("{}: {total}, inbound {inbound}, outbound {outbound}{before}{gap}", self.name())
    }
}

/// Where the bars stand.
#[derive(Clone, Copy)]
struct Slots {
    plot: Area,
    number: u32,
}

impl Slots {
    fn width(self) -> f64 {
        self.plot.width / f64::from(self.number)
    }

    fn left(self, position: u32) -> f64 {
        self.plot.x + self.width() * f64::from(position)
    }

    fn middle(self, position: u32) -> f64 {
        self.left(position) + self.width() / 2.0
    }

    /// The column of a bar: at most so wide that a report of one day is no wall.
    fn bar(self, position: u32) -> Area {
        let width = (self.width() * 0.74).min(48.0);
        Area { x: self.middle(position) - width / 2.0, width, ..self.plot }
    }
}

/// Bars in a row that have gaps: the first of them, and how many.
fn runs(bars: &[Bar]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (position, _) in (0_u32..).zip(bars).filter(|(_, bar)| bar.has_gap) {
        match runs.last_mut() {
            Some((first, number)) if *first + *number == position => *number += 1,
            _ => runs.push((position, 1)),
        }
    }
    runs
}

fn entries(report: &Report, bars: &[Bar]) -> Vec<(Sample, String)> {
    let mut entries =
        vec![(Sample::Fill(INBOUND), "Inbound".to_owned()), (Sample::Fill(OUTBOUND), "Outbound".to_owned())];
    if bars.iter().any(|bar| bar.other > 0) {
        entries.push((Sample::Fill(OTHER), "Internal and transit".to_owned()));
    }
    if bars.iter().any(|bar| bar.before.is_some()) {
        entries.push((Sample::Dashes(Ink::Before), format!("All in {}", report.period_before)));
    }
    if bars.iter().any(|bar| bar.has_gap) {
        entries.push((Sample::Hatching, "Not collected all the time".to_owned()));
    }
    entries
}

fn axis(sheet: &mut Sheet, plot: Area, scale: &Scale, metric: Metric) {
    let unit = Unit::of(metric, false);
    for tick in &scale.ticks {
        let y = plot.y + scale.place(*tick) * plot.height;
        let ink = if *tick > 0.0 { Ink::Grid } else { Ink::Muted };
        sheet.line(vec![(plot.x, y), (plot.right(), y)], ink, 1.0, false);
        sheet.text((plot.x - 7.0, y + LETTERS / 3.0), Anchor::End, Ink::Muted, unit.tick(*tick));
    }
}

fn draw_bar(sheet: &mut Sheet, column: Area, bar: &Bar, scale: &Scale, title: &str) {
    let mut below = 0_u64;
    for (figure, ink) in [(bar.inbound, INBOUND), (bar.outbound, OUTBOUND), (bar.other, OTHER)] {
        if figure == 0 {
            continue;
        }
        let above = below.saturating_add(figure);
        let (top, foot) = (scale.place(drawn(above)), scale.place(drawn(below)));
        let y = column.y + top * column.height;
        // A little is never nothing.
        let height = ((foot - top) * column.height).max(0.5);
        sheet.fill(Area { y, height, ..column }, ink, title);
        below = above;
    }
}

/// The line of the period before; it is broken where nothing is known of it.
fn line_before(sheet: &mut Sheet, slots: Slots, bars: &[Bar], scale: &Scale) {
    let mut line: Vec<(f64, f64)> = Vec::new();
    let mut lines = Vec::new();
    for (position, bar) in (0_u32..).zip(bars) {
        match bar.before {
            Some(before) => {
                let y = slots.plot.y + scale.place(drawn(before)) * slots.plot.height;
                line.extend([(slots.left(position), y), (slots.left(position + 1), y)]);
            }
            None => lines.push(std::mem::take(&mut line)),
        }
    }
    lines.push(line);
    for line in lines.into_iter().filter(|line| !line.is_empty()) {
        sheet.line(line.clone(), Ink::Ground, 3.0, false);
        sheet.line(line, Ink::Before, 1.5, true);
    }
}

/// Dates or hours below the bars; answers where they end.
fn labels(sheet: &mut Sheet, slots: Slots, bars: &[Bar]) -> f64 {
    let are_hours = bars.first().is_some_and(|bar| bar.first.contains(' '));
    let widest = if are_hours { "00:00" } else { "0000-00-00" };
    let room = text_width(widest) + 8.0;
    let every = if are_hours { [1, 2, 3, 4, 6, 12] } else { [1, 2, 5, 7, 10, 14] };
    let every = every
        .into_iter()
        .find(|every| f64::from(*every) * slots.width() >= room)
        .unwrap_or(if are_hours { 24 } else { 21 });
    let baseline = slots.plot.foot() + LETTERS + 6.0;
    let half = text_width(widest) / 2.0;
    let mut date_shown = String::new();
    for (position, bar) in (0_u32..).zip(bars) {
        let middle = slots.middle(position).min(sheet.width - half);
        let (date, hour) = bar.first.split_once(' ').unwrap_or((bar.first.as_str(), ""));
        if position % every == 0 {
            let label = if are_hours { hour } else { date };
            let foot = slots.plot.foot();
            sheet.line(
                vec![(slots.middle(position), foot), (slots.middle(position), foot + 3.0)],
                Ink::Muted,
                1.0,
                false,
            );
            sheet.text((middle, baseline), Anchor::Middle, Ink::Muted, label);
        }
        if are_hours && date != date_shown {
            let x = (middle - text_width("00:00") / 2.0).min(sheet.width - text_width("0000-00-00"));
            sheet.text((x, baseline + LETTERS + 4.0), Anchor::Start, Ink::Text, date);
            date.clone_into(&mut date_shown);
        }
    }
    baseline + if are_hours { LETTERS + 8.0 } else { 4.0 }
}

fn told(report: &Report, metric: Metric, bars: &[Bar], steps_a_bar: usize) -> String {
    let what = metric_label(metric);
    let are_hours = bars.first().is_some_and(|bar| bar.first.contains(' '));
    let (step, steps) = if are_hours { ("hour", "hours") } else { ("day", "days") };
    let each = if steps_a_bar == 1 {
        format!("by {step}")
    } else {
        format!("with a bar for each {steps_a_bar} {steps}")
    };
    let Some(most) = bars.iter().max_by_key(|bar| bar.total()).filter(|bar| bar.total() > 0) else {
        return format!("{what} {each} of {}: none", report.period);
    };
    format!("{what} {each} of {}, most {} ({})", report.period, short(metric, most.total()), most.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::drawing::Shape;
    use crate::components::report::sample;

    fn texts(drawing: &Drawing) -> Vec<String> {
        let texts = drawing.shapes.iter().filter_map(|shape| match shape {
            Shape::Text { text, .. } => Some(text.replace('\u{202f}', " ")),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn every_bar_stands_on_the_axis_and_tells_its_figures() {
        let report = sample::report();
        let drawing = days(&report);
        let (mut feet, mut told) = (Vec::new(), Vec::new());
        for shape in &drawing.shapes {
            if let Shape::Box { y, height, fill: Ink::Series(1), title, .. } = shape
                && !title.is_empty()
            {
                feet.push(y + height);
                told.push(title.replace('\u{202f}', " "));
            }
        }
        assert_eq!(told.len(), 30, "one day has nothing");
        assert!(feet.iter().all(|foot| (foot - feet[0]).abs() < 0.01));
        assert!(
            told[0].starts_with("2026-10-01: 140 GB, inbound 90.0 GB, outbound 40.0 GB; "),
            "{}",
            told[0]
        );
        assert!(told[0].ends_with(" at this place of September 2026"), "{}", told[0]);
    }

    #[test]
    fn the_axis_is_round_and_dates_are_whole() {
        let drawing = days(&sample::report());
        let texts = texts(&drawing);
        for wanted in ["0 B", "100 GB", "2026-10-01", "2026-10-06", "All in September 2026"] {
            assert!(texts.iter().any(|text| text == wanted), "{wanted}: {texts:?}");
        }
        assert!(drawing.label.starts_with("Bytes by day of October 2026, most "), "{}", drawing.label);
    }

    #[test]
    fn nothing_is_drawn_outside_of_the_sheet() {
        for report in [sample::report(), sample::one_day(), sample::empty(), sample::year()] {
            for (metric, width) in [(Metric::Bytes, WIDE), (Metric::Flows, super::super::NARROW)] {
                let drawing = days_of(&report, metric, width);
                for shape in &drawing.shapes {
                    let is_inside = match shape {
                        Shape::Box { x, y, width, height, .. } => {
                            *x >= 0.0
                                && x + width <= drawing.width + 0.01
                                && *y >= 0.0
                                && y + height <= drawing.height
                        }
                        Shape::Line { points, .. } => points.iter().all(|(x, y)| {
                            (0.0..=drawing.width + 0.01).contains(x) && (0.0..=drawing.height).contains(y)
                        }),
                        _ => true,
                    };
                    assert!(is_inside, "{shape:?}");
                }
            }
        }
    }

    #[test]
    fn a_year_has_few_bars_of_several_days_and_an_unknown_period_before_has_no_line() {
        let report = sample::year();
        let drawing = days(&report);
        assert!(drawing.label.starts_with("Bytes with a bar for each 6 days of "), "{}", drawing.label);
        let dashed = drawing.shapes.iter().any(|shape| matches!(shape, Shape::Line { is_dashed: true, .. }));
        assert!(!dashed && !texts(&drawing).iter().any(|text| text.starts_with("All in")));
    }

    #[test]
    fn a_day_that_was_not_collected_is_hatched_and_explained() {
        let drawing = days(&sample::report());
        assert!(texts(&drawing).iter().any(|text| text == "Not collected all the time"));
        assert!(drawing.shapes.iter().any(|shape| matches!(shape, Shape::Box { fill: Ink::Gap, .. })));
    }

    #[test]
    fn hours_have_their_date_once() {
        let texts = texts(&days(&sample::one_day()));
        assert_eq!(texts.iter().filter(|text| *text == "2026-10-25").count(), 1, "{texts:?}");
        assert!(texts.iter().any(|text| text == "00:00"), "{texts:?}");
    }
}
