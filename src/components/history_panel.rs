//! What is kept of the past, for how long, what it takes, and what is to be expected.

use leptos::prelude::*;

use crate::model::history::{Forecast, HistoryStatus, Tier, TierStatus};
use crate::model::quantity;
use crate::model::time::date_and_time;

const DAY_S: u64 = 86_400;

/// The panel.
#[component]
pub fn HistoryPanel(
    /// How the history is; `None` while that is not known.
    #[prop(into)]
    status: Signal<Option<HistoryStatus>>,
) -> impl IntoView {
    view! {
        <section class="panel history-panel" aria-labelledby="history-title">
            <h2 id="history-title" class="panel__title">"History"</h2>
            {move || status.with(|status| match status {
                Some(status) => shown(status),
                None => view! { <p class="panel__empty">"Nothing is known of it at the moment: reload the page."</p> }.into_any(),
            })}
        </section>
    }
    .into_any()
}

fn shown(status: &HistoryStatus) -> AnyView {
    let notices = status.notices.iter().map(|notice| view! { <li>{notice.clone()}</li> }).collect_view();
    let rows = status.tiers.iter().map(row).collect_view();
    view! {
        <p>
            {if status.is_storing {
                "Every flow record is kept, and sums of it by minute, hour and day, which outlive it."
            } else {
                "Nothing is being stored now."
            }}
        </p>
        <ul class="settings__problems">{notices}</ul>
        <div class="table-scroll">
            <table class="data-table data-table--stacked">
                <caption class="visually-hidden">"What is kept, from the finest to the coarsest"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Kept"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Up to"</th>
                        <th scope="col" class="data-table__number">"Rows"</th>
                        <th scope="col" class="data-table__number">"On disk"</th>
                        <th scope="col">"For"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <p>{expected(status)}</p>
        <p class="panel__hint">{counted(status)}</p>
    }
    .into_any()
}

fn row(tier: &TierStatus) -> AnyView {
    let moment = |moment: Option<i64>| moment.map_or_else(|| "nothing yet".to_owned(), date_and_time);
    view! {
        <tr>
            <th scope="row">{title(tier.tier)}</th>
            <td data-label="From">{moment(tier.range.map(|range| range.from_ms))}</td>
            <td data-label="Up to">{moment(tier.range.map(|range| range.to_ms))}</td>
            <td class="data-table__number" data-label="Rows">{quantity::count(tier.rows)}</td>
            <td class="data-table__number" data-label="On disk">{quantity::bytes(tier.bytes)}</td>
            <td data-label="For">{kept_for(tier)}</td>
        </tr>
    }
    .into_any()
}

const fn title(tier: Tier) -> &'static str {
    match tier {
        Tier::Archive => "Flow records",
        Tier::Minute => "Sums by minute",
        Tier::Hour => "Sums by hour",
        Tier::Day => "Sums by day",
    }
}

fn kept_for(tier: &TierStatus) -> String {
    let age = tier
        .keep_s
        .map_or_else(|| "for good".to_owned(), |seconds| quantity::counted(seconds / DAY_S, "day"));
    match tier.keep_bytes {
        Some(bytes) => format!("{age}, up to {}", quantity::bytes(bytes)),
        None => age,
    }
}

/// What the disk will hold.
fn expected(status: &HistoryStatus) -> String {
    let free = format!("{} of the disk are free.", quantity::bytes(status.free_bytes));
    let Some(Forecast { bytes_per_day, archive_days, bytes, disk_full_ms }) = status.forecast else {
        return format!("{free} What is to be expected shows after an hour of traffic.");
    };
    let end = match disk_full_ms {
        Some(moment) => format!(
            "The disk is full about {} then: free some of it, or keep less ([history] in meridian.toml).",
            date_and_time(moment)
        ),
        None => "The disk has room for that.".to_owned(),
    };
    format!(
        "A day adds about {}. As it goes on, flow records will reach back {archive_days:.0} days, and everything will take {}. {free} {end}",
        quantity::bytes(bytes_per_day),
        quantity::bytes(bytes),
    )
}

/// What came of the flow records since the start.
fn counted(status: &HistoryStatus) -> String {
    let stored = quantity::counted(status.stored, "flow record");
    let lost = match status.lost {
        0 => "none was lost".to_owned(),
        lost => format!("{} were lost before they were on disk", quantity::count(lost)),
    };
    let crash = match status.lost_at_crash {
        0 => String::new(),
        lost => {
            format!(" The process before this one ended without notice and lost {}.", quantity::count(lost))
        }
    };
    format!(
        "{stored} stored since the start; {lost}.{crash} How long it is kept stands in [history] of meridian.toml."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_what_will_happen_and_what_was_lost() {
        let mut status = HistoryStatus { free_bytes: 5_000_000_000, stored: 1, ..HistoryStatus::default() };
        let told = |status: &HistoryStatus| expected(status).replace('\u{202f}', " ");
        assert!(told(&status).starts_with("5.00 GB of the disk are free. What is to be expected"));
        assert!(counted(&status).starts_with("1 flow record stored since the start; none was lost."));
        status.forecast = Some(Forecast {
            bytes_per_day: 2_000_000_000,
            archive_days: 10.4,
            bytes: 21_000_000_000,
            disk_full_ms: Some(0),
        });
        status.lost = 7;
        assert!(told(&status).contains("reach back 10 days, and everything will take 21.0 GB"));
        assert!(told(&status).contains("full about 1970-01-01"));
        assert!(counted(&status).contains("7 were lost"));
    }

    #[test]
    fn how_long_a_tier_is_kept_is_said_with_its_size() {
        let mut tier = TierStatus {
            tier: Tier::Archive,
            range: None,
            rows: 0,
            bytes: 0,
            keep_s: Some(30 * DAY_S),
            keep_bytes: Some(20_000_000_000),
        };
        assert_eq!(kept_for(&tier).replace('\u{202f}', " "), "30 days, up to 20.0 GB");
        (tier.keep_s, tier.keep_bytes) = (None, None);
        assert_eq!(kept_for(&tier), "for good");
    }
}
