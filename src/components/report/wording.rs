//! What a report says around its figures, in the same words on the page and in the PDF.

use crate::model::plain_text::plain;
use crate::model::quantity::{count, counted};
use crate::model::report::{Report, TopSection};
use crate::model::time_range::TimeRange;
use crate::model::time_words;

/// The heading of a report that was kept without one: the one of a configuration that says nothing.
pub const TITLE: &str = "Traffic report";

/// What a step of a report is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepName {
    /// `day` or `hour`.
    pub each: &'static str,
    /// The same as the head of a column.
    pub column: &'static str,
}

/// The heading of a report, on one line and without what steers text.
pub fn title(report: &Report) -> String {
    let title = plain(&report.question.title);
    if title.trim().is_empty() { TITLE.to_owned() } else { title }
}

/// What its steps are.
pub fn step_name(report: &Report) -> StepName {
    let are_hours = report.steps.first().is_some_and(|step| step.label.contains(' '));
    if are_hours {
        StepName { each: "hour", column: "Hour" }
    } else {
        StepName { each: "day", column: "Day" }
    }
}

/// The heading above its steps.
pub fn steps_heading(report: &Report) -> String {
    format!("Traffic by {}", step_name(report).each)
}

/// What stands above the rates, or instead of them where there are none.
pub fn rates(report: &Report) -> String {
    match report.peaks.first() {
        Some(first) => format!("Rates, of steps of {}", time_words::length(first.step_ms)),
        None if is_uncollected(report) => "No rates: nothing was collected.".to_owned(),
        None => "No rates: hours are not looked at in so long a range, or not kept.".to_owned(),
    }
}

/// True when there was no moment of the period, as far as it had passed, at which something was collected.
fn is_uncollected(report: &Report) -> bool {
    let range = report.question.range;
    let Some(past) = TimeRange::new(range.from_ms, range.to_ms.min(report.made_ms)) else { return true };
    let is_all = |gap: &TimeRange| gap.from_ms <= past.from_ms && gap.to_ms >= past.to_ms;
    report.total.now.traffic.is_none() && report.source.gaps.iter().any(is_all)
}

/// What stands above the world.
pub fn map_caption(report: &Report) -> String {
    let countries = report.countries_in_all.count;
    let nouns = if countries == 1 { "country" } else { "countries" };
    format!("Bytes by the country of the outside end; {} {nouns} in all", count(countries))
}

/// What stands below a list: how much of all it is, and what is missing in it. What is said of the whole report is not
/// said again.
pub fn below_list(top: &TopSection, report: &Report) -> String {
    let note = Some(top.source.note.as_str()).filter(|note| *note != report.source.note).unwrap_or_default();
    let others = match (number_of(&top.rows), top.of) {
        (0, _) if note.is_empty() => "There were none.".to_owned(),
        (0, _) => String::new(),
        (shown, Some(of)) if of > shown => most_of(shown, of),
        (_, Some(_)) => "These are all.".to_owned(),
        (_, None) => "Those with most bytes.".to_owned(),
    };
    format!("{others} {note}").trim().to_owned()
}

/// What stands below the list of what was seen for the first time.
pub fn below_newcomers(report: &Report) -> String {
    match (number_of(&report.newcomers), report.newcomers_in_all) {
        (0, _) => "Nothing was seen for the first time.".to_owned(),
        (shown, all) if all > shown => most_of(shown, all),
        _ => "These are all.".to_owned(),
    }
}

fn most_of(shown: u64, all: u64) -> String {
    format!("The {} with most bytes, of {} in all.", count(shown), count(all))
}

/// What stands instead of a table of exporters that has no rows.
pub const NO_EXPORTER: &str = "No exporter told anything.";

/// What Meridian received and lost; `None` when it lost nothing.
pub fn lost(report: &Report) -> Option<String> {
    let records = || counted(report.lost_records, "flow record");
    (report.lost_records > 0).then(|| {
        format!("{} were received and could not be kept: they are missing in every figure.", records())
    })
}

fn number_of<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::report::sample;

    #[test]
    fn a_title_steers_no_text_and_is_never_empty() {
        let mut report = sample::report();
        report.question.title = "Traffic\u{202e}\u{2028}of 21 GB".to_owned();
        assert_eq!(title(&report), "Traffic of 21 GB");
        report.question.title = "\u{202e} ".to_owned();
        assert_eq!(title(&report), "Traffic report");
    }

    #[test]
    fn without_rates_it_is_said_whether_nothing_was_collected_or_hours_are_not_looked_at() {
        let mut report = sample::report();
        assert_eq!(rates(&report), "Rates, of steps of 1 hour");
        report.peaks.clear();
        let not_looked_at = "No rates: hours are not looked at in so long a range, or not kept.";
        assert_eq!(rates(&report), not_looked_at);
        report.total.now = crate::model::history::Amount::default();
        assert_eq!(rates(&report), not_looked_at, "a day was not collected, and the others were");
        report.source.gaps = vec![report.question.range];
        assert_eq!(rates(&report), "No rates: nothing was collected.");
    }

    #[test]
    fn what_is_said_of_the_whole_report_is_not_said_below_each_list() {
        let report = sample::report();
        let mut top = report.tops[0].clone();
        assert_eq!(
            below_list(&top, &report).replace('\u{202f}', " "),
            "The 5 with most bytes, of 1 209 in all."
        );
        top.source.note = "Only flow records know hosts.".to_owned();
        assert!(below_list(&top, &report).ends_with("in all. Only flow records know hosts."));
        top.rows.clear();
        assert_eq!(below_list(&top, &report), "Only flow records know hosts.");
        top.source.note.clone_from(&report.source.note);
        assert_eq!(below_list(&top, &report), "There were none.");
    }

    #[test]
    fn hours_are_not_called_days() {
        assert_eq!(steps_heading(&sample::one_day()), "Traffic by hour");
        assert_eq!(steps_heading(&sample::report()), "Traffic by day");
    }
}
