//! The period in a few sentences that anybody understands.

use super::asking::Asking;
use super::changes;
use super::lists::Lists;
use super::newcomers::News;
use super::over_time::{OverTime, total};
use super::peaks::{collected, rate};
use crate::model::history::{CountryAmount, Distinct};
use crate::model::plain_text::plain;
use crate::model::quantity;
use crate::model::report::{Compared, Period, Report};
use crate::model::time_words;
use crate::server::history::naming::country_key;
use crate::server::store::ExporterLoss;

/// Countries that are named.
const NAMED: usize = 3;
/// New countries that are named.
const NAMED_NEW: usize = 5;
/// Below so many thousandths of the period before, its collecting is told beside the change.
const WHOLE_PER_MILLE: i64 = 990;

/// Three to seven sentences.
pub(super) fn of(
    report: &Report,
    asking: &Asking<'_>,
    over_time: &OverTime,
    lists: &Lists,
    news: &News,
    losses: ExporterLoss,
) -> Vec<String> {
    let mut said = Vec::new();
    if !asking.filter.is_all() {
        let filter = plain(&asking.filter.to_string());
        said.push(format!("Only flows that pass the filter “{filter}” are counted."));
    }
    said.push(volume(report, asking));
    let has_traffic = !report.total.now.traffic.is_none();
    if has_traffic {
        said.push(ways(report));
        said.extend(countries(lists));
        said.extend(busiest(asking, over_time));
    }
    said.extend(new(news));
    said.push(completeness(report, asking, losses));
    said
}

/// `In October 2026, 1.23 TB passed in 4 500 000 flows and 980 M packets, 12 % more bytes than in September 2026.`
fn volume(report: &Report, asking: &Asking<'_>) -> String {
    let now = report.total.now.traffic;
    let period = in_period(report);
    let before = &report.period_before;
    let mut said = if now.is_none() {
        format!("{period}, no flow was counted")
    } else {
        format!(
            "{period}, {} passed in {} and {} packets",
            quantity::bytes(now.scaled_bytes),
            quantity::counted(now.flows, "flow"),
            quantity::short_count(now.scaled_packets),
        )
    };
    match report.total.before {
        None => said.extend([format!("; of {before} nothing is known to compare with")]),
        Some(had) => {
            let change = changes::bytes(now.scaled_bytes, had.traffic.scaled_bytes, before);
            said.extend([format!(", {change}")]);
            let (whole, collected) =
                (report.range_before.length_ms(), asking.collected_ms(report.range_before));
            if collected.saturating_mul(1_000) < whole.saturating_mul(WHOLE_PER_MILLE) && collected > 0 {
                let (collected, whole) = (time_words::length(collected), time_words::length(whole));
                said.extend([format!(", of which only {collected} of {whole} were collected")]);
            }
        }
    }
    said.push('.');
    said
}

/// `In October 2026`, `On 2026-10-31`, `From … to …`.
fn in_period(report: &Report) -> String {
    match report.question.period {
        Period::Month => format!("In {}", report.period),
        Period::Week => format!("In week{}", report.period.trim_start_matches("Week")),
        Period::Day => format!("On {}", report.period),
        Period::Custom => format!("From {}", report.period.replace(" – ", " to ")),
    }
}

fn ways(report: &Report) -> String {
    let all = report.total.now.traffic.scaled_bytes;
    let part = |bytes: u64| format!("{} ({})", quantity::bytes(bytes), quantity::percent(bytes, all));
    let of = |compared: &Compared| compared.now.traffic.scaled_bytes;
    let mut said =
        format!("{} came in and {} went out", part(of(&report.inbound)), part(of(&report.outbound)));
    let others: Vec<String> = [(&report.internal, "stayed inside"), (&report.transit, "passed through")]
        .into_iter()
        .filter(|(way, _)| of(way) > 0)
        .map(|(way, what)| format!("{} {what}", part(of(way))))
        .collect();
    if !others.is_empty() {
        said.extend([format!("; {}", listed(&others))]);
    }
    if let Some(addresses) = report.total.now.addresses {
        said.extend([format!("; {} took part", distinct(addresses, "outside address", "outside addresses"))]);
    }
    said.push('.');
    said
}

/// `1 234 outside addresses`, `about 1 234 567 outside addresses`.
fn distinct(number: Distinct, one: &str, many: &str) -> String {
    let noun = if number.count == 1 { one } else { many };
    let about = if number.is_exact() { "" } else { "about " };
    format!("{about}{} {noun}", quantity::count(number.count))
}

/// `Most was exchanged with Germany (300 GB, 24 %), United States (…) and France (…), of 97 countries.`
fn countries(lists: &Lists) -> Option<String> {
    let known = || lists.countries.iter().filter(|row| row.country.is_some());
    let bytes = |row: &CountryAmount| row.amount.traffic.scaled_bytes;
    let all: u64 = lists.countries.iter().map(bytes).fold(0, u64::saturating_add);
    let named: Vec<String> = known()
        .filter(|row| bytes(row) > 0)
        .take(NAMED)
        .map(|row| {
            let label = country_key(row.country).label;
            format!("{label} ({}, {})", quantity::bytes(bytes(row)), quantity::percent(bytes(row), all))
        })
        .collect();
    if named.is_empty() {
        return None;
    }
    let countries = lists.countries_in_all();
    let of = if countries > named.len() as u64 {
        format!(", of {} countries", quantity::count(countries))
    } else {
        String::new()
    };
    Some(format!("Most was exchanged with {}{of}.", listed(&named)))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => parts.concat(),
    }
}

fn busiest(asking: &Asking<'_>, over_time: &OverTime) -> Option<String> {
    let line = &over_time.now;
    let steps = collected(asking, line);
    let rates = steps.iter().map(|(range, ways)| (rate(total(ways).scaled_bytes, range.length_ms()), *range));
    let (most, at) = rates.min_by_key(|(rate, range)| (std::cmp::Reverse(*rate), range.from_ms))?;
    let what = if line.is_by_hour() { "hour" } else { "day" };
    Some(format!(
        "The busiest {what} began at {} with {} on average.",
        asking.calendar.moment(at.from_ms),
        quantity::bits(most)
    ))
}

fn new(news: &News) -> Option<String> {
    if !news.is_wanted {
        return None;
    }
    let systems = news.in_all - news.countries;
    if news.in_all == 0 {
        return Some("No country and no autonomous system was seen for the first time.".to_owned());
    }
    let mut parts = Vec::new();
    if news.countries > 0 {
        let names: Vec<String> = news
            .rows
            .iter()
            .filter(|row| row.kind == "Country")
            .take(NAMED_NEW)
            .map(|row| if row.key.label.is_empty() { row.key.value.clone() } else { row.key.label.clone() })
            .collect();
        let noun = if news.countries == 1 { "country" } else { "countries" };
        let which = match names.len() as u64 {
            0 => String::new(),
            all if all == news.countries => format!(" ({})", listed(&names)),
            _ => format!(" ({}, …)", names.join(", ")),
        };
        parts.push(format!("{} {noun}{which}", quantity::count(news.countries)));
    }
    if systems > 0 {
        parts.push(quantity::counted(systems, "autonomous system"));
    }
    Some(format!("Seen for the first time: {}.", parts.join(" and ")))
}

fn completeness(report: &Report, asking: &Asking<'_>, losses: ExporterLoss) -> String {
    let Some(past) = asking.past(asking.range) else { return "The period has not begun.".to_owned() };
    let collected = asking.collected_ms(past);
    let missing = past.length_ms() - collected;
    let mut faults = Vec::new();
    if missing > 0 {
        let share = quantity::percent(missing.unsigned_abs(), past.length_ms().unsigned_abs());
        faults.push(format!("nothing was collected for {} of it ({share})", time_words::length(missing)));
    }
    if report.lost_records > 0 {
        let lost = quantity::counted(report.lost_records, "flow record");
        faults.push(format!("{lost} could not be stored"));
    }
    let ExporterLoss { missing_records, missing_datagrams, undecodable } = losses;
    if missing_records > 0 {
        let lost = quantity::counted(missing_records, "flow record");
        faults.push(format!("{lost} of exporters never arrived"));
    }
    if missing_datagrams > 0 {
        let lost = quantity::counted(missing_datagrams, "export datagram");
        faults.push(format!("{lost} never arrived"));
    }
    if undecodable > 0 {
        let lost = quantity::counted(undecodable, "data set");
        faults.push(format!("{lost} could not be decoded"));
    }
    let end = if past == asking.range {
        String::new()
    } else {
        format!(" up to {}, when this was written", asking.calendar.moment(past.to_ms))
    };
    if faults.is_empty() {
        return format!("Flows were collected all the time{end}, and none were lost that Meridian knows of.");
    }
    format!("It is not complete: {}{end}.", listed(&faults))
}
