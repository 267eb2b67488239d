//! What a reader has to know to trust the figures as far as they go.

use super::asking::{Asking, Before};
use super::exporters::Exporters;
use super::lists::Lists;
use super::newcomers::News;
use super::over_time::OverTime;
use crate::model::history::Amount;
use crate::model::quantity;
use crate::model::report::{Report, Section};
use crate::model::time_range::TimeRange;
use crate::model::time_words;
use crate::server::reports::calendar::Calendar;

/// One sentence each.
pub(super) fn of(
    report: &Report,
    asking: &Asking<'_>,
    before: &Before,
    over_time: &OverTime,
    lists: &Lists,
    news: &News,
    exporters: &Exporters,
) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(not_over(asking));
    notes.extend(gaps(asking));
    notes.extend(compared_with(report, asking, before));
    notes.extend(began(asking, news));
    notes.extend(asking.tiers.losses(asking.range).text());
    notes.extend(sampling(report));
    notes.extend(estimates(report));
    notes.extend(zone(asking, over_time));
    notes.extend(widened(report, asking, before));
    if lists.is_partial {
        notes.push(
            "Sums keep the groups with most one by one: some small ones are missing in the lists, and are in the totals."
                .to_owned(),
        );
    }
    if lists.unknown_before > 0 {
        notes.push(format!(
            "{} had less in the period before than its sums tell apart: their change is not known.",
            quantity::counted(lists.unknown_before, "row")
        ));
    }
    if news.is_full {
        notes.push(
            "There are too many autonomous systems to follow: the newest are not among those that are new."
                .to_owned(),
        );
    }
    if exporters.left_out > 0 {
        let others = quantity::counted(exporters.left_out as u64, "exporter");
        notes.push(format!("{others} with less traffic are left out of the list."));
    }
    if !exporters.has_silence && report.question.sections.contains(&Section::Exporters) {
        notes.push(
            "Hours of so long ago are not kept: in which hours an exporter was silent cannot be told."
                .to_owned(),
        );
    }
    if !over_time.now.is_by_hour() && report.question.sections.contains(&Section::Hours) {
        notes.push("Hours are not looked at in so long a range, or not kept: there are no peaks.".to_owned());
    }
    notes
}

fn not_over(asking: &Asking<'_>) -> Option<String> {
    (asking.now_ms < asking.range.to_ms).then(|| {
        let now = asking.calendar.moment(asking.now_ms);
        format!("The period was not over when this was written: the figures go up to {now}.")
    })
}

fn gaps(asking: &Asking<'_>) -> Option<String> {
    let past = asking.past(asking.range)?;
    let found = asking.tiers.gaps(past);
    let longest = found.iter().max_by_key(|gap| gap.length_ms())?;
    let sum: i64 = found.iter().map(|gap| gap.length_ms()).sum();
    let stretches = found.len();
    let longest = asking.calendar.span(*longest);
    let which =
        if stretches == 1 { longest } else { format!("in {stretches} stretches, the longest {longest}") };
    Some(format!(
        "Nothing was collected for {} of the period ({which}): what passed then is in no figure.",
        time_words::length(sum)
    ))
}

fn compared_with(report: &Report, asking: &Asking<'_>, before: &Before) -> Option<String> {
    let period = &report.period_before;
    match before {
        Before::NotCollected => {
            Some(format!("Nothing was collected in {period}: there is nothing to compare with."))
        }
        Before::NotKept => Some(format!(
            "Not all of {period} is kept as finely as this report asks: nothing is compared with it."
        )),
        Before::Known(_) => {
            let missing = report.range_before.length_ms() - asking.collected_ms(report.range_before);
            (missing > 0).then(|| {
                let (missing, whole) =
                    (time_words::length(missing), time_words::length(report.range_before.length_ms()));
                format!(
                    "In {period} nothing was collected for {missing} of {whole}: a change against it is partly due to that."
                )
            })
        }
    }
}

fn began(asking: &Asking<'_>, news: &News) -> Option<String> {
    let begin_ms = news.begin_ms?;
    let begin = asking.calendar.moment(begin_ms);
    Some(format!(
        "The history begins in this period, at {begin}: what was first seen after its first hour is told as new."
    ))
    .filter(|_| news.is_wanted)
}

fn sampling(report: &Report) -> Option<String> {
    let traffic = report.total.now.traffic;
    quantity::sampling_note(traffic).map(|note| format!("{note}.")).or_else(|| {
        (traffic.unknown_sampling > 0).then(|| {
            let part = quantity::percent(traffic.unknown_sampling, traffic.flows);
            format!("Whether they were sampled is unknown for {part} of the flows: these count as exported.")
        })
    })
}

fn estimates(report: &Report) -> Option<String> {
    let ways = [&report.total, &report.inbound, &report.outbound, &report.transit];
    let of_ways = ways.into_iter().flat_map(|compared| [Some(compared.now), compared.before]);
    let of_countries = report.countries.iter().map(|row| Some(row.amount));
    let error = of_ways
        .chain(of_countries)
        .flatten()
        .filter_map(|Amount { addresses, .. }| addresses)
        .map(|addresses| addresses.error)
        .fold(0.0_f32, f32::max);
    (error > 0.0).then(|| {
        format!(
            "Large numbers of different addresses are estimates, with a standard error of {:.1}\u{202f}%.",
            error * 100.0
        )
    })
}

fn zone(asking: &Asking<'_>, over_time: &OverTime) -> Option<String> {
    if !over_time.now.is_by_hour() {
        return Some(
            "Days are those of UTC: hours are not looked at in so long a range, or not kept.".to_owned(),
        );
    }
    let is_even = [asking.range, asking.range_before].into_iter().all(|range| {
        asking.calendar.days(range).iter().all(|day| Calendar::is_whole_hour(day.range.from_ms))
    });
    (!is_even).then(|| {
        "Hours are kept as UTC has them, and this zone's days or the period begin between two: busiest hours begin where \
         those do, and an hour over which a day ends counts to that day where no finer sums are left."
            .to_owned()
    })
}

fn widened(report: &Report, asking: &Asking<'_>, before: &Before) -> Option<String> {
    let asked_before = before.whole().and_then(|whole| whole.made_of.range);
    let parts = [
        (&report.period, asking.range, Some(report.source.range)),
        (&report.period_before, asking.range_before, asked_before),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter_map(|(period, asked, found)| {
            let found: TimeRange = found.filter(|found| *found != asked)?;
            Some(format!("{period} to {}", asking.calendar.span(found)))
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!("Of that time only coarser sums are left, and the range was widened: {}.", said.join(", "))
    })
}
