//! How far to trust a report: what is missing of each exporter, notes, and what the figures mean.

use leptos::prelude::*;

use super::links::{href, row_href};
use super::parts::{Part, cell, head};
use super::tops::name;
use super::trend::Trend;
use super::wording;
use crate::model::history::{Metric, Tier};
use crate::model::quantity;
use crate::model::report::{ExporterEntry, Report, ReportQuestion, Section};

/// What the figures mean: a word, and a sentence.
pub const MEANINGS: [(&str, &str); 8] = [
    (
        "Flow",
        "Packets of one conversation in one direction, as a router or probe summed them up: same addresses, ports and \
         protocol. A flow record is one line of such a summary; a long conversation has several.",
    ),
    (
        "Bytes",
        "Of IP packets with their headers, without those of the layers below. 1 kB is 1000 bytes, and a rate of 1 Mbps \
         is 1\u{202f}000\u{202f}000 bits a second.",
    ),
    (
        "Sampling",
        "Busy routers look at one packet of many only. Bytes and packets are multiplied by that; flows are counted as \
         exported. Where the rate is not known, figures are as exported, and too low.",
    ),
    (
        "Outside addresses",
        "How many different addresses outside of the home networks there were. Small numbers are counted; of large ones \
         “≈” marks an estimate, whose usual error stands beside it.",
    ),
    (
        "95th percentile",
        "The rate that was not exceeded in 95 % of the steps. It says more about what a line has to carry than the peak, \
         which may have lasted one step only.",
    ),
    (
        "Inbound, outbound",
        "Seen from the home networks. Internal traffic has both ends there, transit traffic neither. A transit flow \
         counts for both of its countries, once in the whole.",
    ),
    (
        "Places",
        "Countries and cities are those of a database of addresses: countries are mostly right, cities are estimates.",
    ),
    (
        "Change",
        "Against the period before, in bytes. “New” had nothing then; “–” is not known: nothing was collected, or too \
         little is kept of it.",
    ),
];

/// What the figures of an exporter are.
const FIGURES: [&str; 8] = [
    "Bytes",
    "Change in bytes",
    "Flows",
    "Records missing",
    "Datagrams missing",
    "Undecodable",
    "Silent hours",
    "Sampling unknown",
];

/// The exporters.
pub fn exporters(report: &Report) -> impl IntoView + use<> {
    let rows = report.exporters.iter().map(|entry| exporter(entry, &report.question)).collect_view();
    let lost = wording::lost(report).map(|lost| view! { <p class="report__warning">{lost}</p> });
    let table = if report.exporters.is_empty() {
        view! { <p class="report__note">{wording::NO_EXPORTER}</p> }.into_any()
    } else {
        view! {
            <table class="data-table data-table--stacked report__table report__exporters">
                <caption class="visually-hidden">"Exporters and what is missing of them"</caption>
                {head("Exporter", &FIGURES)}
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! { <Part section=Section::Exporters>{lost}{table}</Part> }.into_any()
}

fn exporter(entry: &ExporterEntry, question: &ReportQuestion) -> impl IntoView + use<> {
    let now = &entry.amount.now;
    let before = entry.amount.before.map(|before| before.of(Metric::Bytes));
    let missing = |label: &'static str, number: u64| {
        let class =
            if number > 0 { "data-table__number data-table__number--bad" } else { "data-table__number" };
        view! { <td class=class data-label=label><data value=number.to_string()>{quantity::count(number)}</data></td> }
    };
    let unknown = now.traffic.unknown_sampling;
    let unknown_class =
        if unknown > 0 { "data-table__number data-table__number--bad" } else { "data-table__number" };
    view! {
        <tr data-key=entry.exporter.value.clone()>
            <th scope="row">{name(&entry.exporter, row_href(question, Section::Exporters, &entry.exporter.value))}</th>
            {cell(now, Metric::Bytes)}
            <td class="data-table__number" data-label="Change in bytes">{Trend::of(now.of(Metric::Bytes), before).view()}</td>
            {cell(now, Metric::Flows)}
            {missing("Records missing", entry.missing_records)}
            {missing("Datagrams missing", entry.missing_datagrams)}
            {missing("Undecodable", entry.undecodable)}
            {match entry.silent_hours {
                Some(hours) => missing("Silent hours", u64::from(hours)).into_any(),
                None => view! { <td class="data-table__number" data-label="Silent hours">"–"</td> }.into_any(),
            }}
            <td class=unknown_class data-label="Sampling unknown">{quantity::percent(unknown, now.traffic.flows)}</td>
        </tr>
    }
}

/// What a reader has to know of this report.
pub fn notes(report: &Report) -> impl IntoView + use<> {
    let notes = report.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view();
    let source = &report.source;
    let made_of = (!source.tiers.is_empty()).then(|| format!("Made of {}.", Tier::list(&source.tiers)));
    let incomplete = (!source.is_complete && !source.note.is_empty()).then(|| source.note.clone());
    view! {
        <section class="report__section report__section--notes" aria-labelledby="notes-title">
            <h2 id="notes-title" class="report__heading">"Notes on this report"</h2>
            <ul class="report__notes">
                {incomplete.map(|note| view! { <li class="report__warning">{note}</li> })}
                {notes}
                {made_of.map(|made_of| view! { <li>{made_of}</li> })}
            </ul>
        </section>
    }
    .into_any()
}

/// What the figures mean, and where to look closer.
pub fn meaning(question: &ReportQuestion) -> impl IntoView + use<> {
    let meanings = MEANINGS
        .map(|(word, sentence)| view! { <div><dt>{word}</dt>" "<dd>{sentence}</dd></div> })
        .collect_view();
    view! {
        <section class="report__section report__section--meaning" aria-labelledby="meaning-title">
            <h2 id="meaning-title" class="report__heading">"How to read this"</h2>
            <dl class="report__meanings">{meanings}</dl>
            <p class="report__links">
                "The same range and filter: "
                <a class="button" href=href("/heatmap", question, "")>"Heatmap"</a>" "
                <a class="button" href=href("/explore", question, "")>"Explore"</a>" "
                <a class="button" href=href("/replay", question, "")>"Replay"</a>
            </p>
        </section>
    }
    .into_any()
}
