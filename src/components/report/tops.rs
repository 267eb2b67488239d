//! Who had most, and what was seen for the first time.

use leptos::prelude::*;

use super::links::row_href;
use super::parts::{Part, cell, figure, head};
use super::trend::Trend;
use super::wording;
use crate::components::share_bar::ShareBar;
use crate::model::history::{Key, Metric};
use crate::model::quantity;
use crate::model::report::{Newcomer, Report, ReportQuestion, Section, TopEntry, TopSection};

/// What the figures of a list are; the last where they were counted.
const FIGURES: [&str; 6] = ["Bytes", "Share", "Change in bytes", "Flows", "Packets", "Distinct IPs"];

/// The list of a section.
pub fn top(top: &TopSection, report: &Report) -> impl IntoView + use<> {
    let question = &report.question;
    let section = top.section;
    let has_addresses = top.rows.iter().any(|row| row.amount.now.addresses.is_some());
    let all = top.total.of(Metric::Bytes);
    let largest = top.rows.iter().map(|row| row.amount.now.of(Metric::Bytes)).max().unwrap_or(0);
    let rows =
        top.rows.iter().map(|row| line(row, section, question, all, largest, has_addresses)).collect_view();
    let below = wording::below_list(top, report);
    let figures = if has_addresses { &FIGURES[..] } else { &FIGURES[..5] };
    let table = (!top.rows.is_empty()).then(|| {
        view! {
            <table class="data-table data-table--stacked report__table report__top">
                <caption class="visually-hidden">{section.heading()}</caption>
                {head(top.column.clone(), figures)}
                <tbody>{rows}</tbody>
            </table>
        }
    });
    view! {
        <Part section>
            {table}
            <p class="report__note">{below}</p>
        </Part>
    }
    .into_any()
}

fn line(
    row: &TopEntry,
    section: Section,
    question: &ReportQuestion,
    all: u64,
    largest: u64,
    has_addresses: bool,
) -> impl IntoView + use<> {
    let now = &row.amount.now;
    let bytes = now.of(Metric::Bytes);
    let before = row.amount.before.map(|before| before.of(Metric::Bytes));
    let addresses = has_addresses.then(|| cell(now, Metric::Addresses));
    view! {
        <tr data-key=row.key.value.clone()>
            <th scope="row">
                {name(&row.key, row_href(question, section, &row.key.value))}
                <ShareBar share=quantity::per_mille(bytes, largest)/>
            </th>
            {cell(now, Metric::Bytes)}
            <td class="data-table__number" data-label="Share">{quantity::percent(bytes, all)}</td>
            <td class="data-table__number" data-label="Change in bytes">{Trend::of(bytes, before).view()}</td>
            {cell(now, Metric::Flows)}
            {cell(now, Metric::Packets)}
            {addresses}
        </tr>
    }
}

/// What a key is called, and its value where that says more; a link where there is one.
pub fn name(key: &Key, href: Option<String>) -> impl IntoView + use<> {
    let (shown, value) = match (key.label.as_str(), key.value.as_str()) {
        ("", "unknown") => ("not known".to_owned(), None),
        ("", value) => (value.to_owned(), None),
        (label, value) if label.eq_ignore_ascii_case(value) => (label.to_owned(), None),
        (label, value) => (label.to_owned(), Some(value.to_owned())),
    };
    let named = match href {
        Some(href) => view! { <a class="report__key" href=href>{shown}</a> }.into_any(),
        None => view! { <span class="report__key">{shown}</span> }.into_any(),
    };
    view! {
        {named}
        {value.map(|value| view! { " "<span class="report__value">{value}</span> })}
    }
    .into_any()
}

/// Countries and autonomous systems that were never seen before.
pub fn newcomers(report: &Report) -> impl IntoView + use<> {
    let rows = report.newcomers.iter().map(|new| newcomer(new, &report.question)).collect_view();
    let below = wording::below_newcomers(report);
    let table = (!report.newcomers.is_empty()).then(|| view! {
        <table class="data-table data-table--stacked report__table report__new">
            <caption class="visually-hidden">"Countries and autonomous systems seen for the first time"</caption>
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col">"Kind"</th>
                    <th scope="col">"First seen"</th>
                    <th scope="col" class="data-table__number">"Bytes"</th>
                    <th scope="col" class="data-table__number">"Flows"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    });
    view! { <Part section=Section::New>{table}<p class="report__note">{below}</p></Part> }.into_any()
}

fn newcomer(new: &Newcomer, question: &ReportQuestion) -> impl IntoView + use<> {
    let section = if new.kind == "Country" { Section::Countries } else { Section::Systems };
    view! {
        <tr data-key=new.key.value.clone()>
            <th scope="row">{name(&new.key, row_href(question, section, &new.key.value))}</th>
            <td data-label="Kind">{new.kind.clone()}</td>
            <td data-label="First seen">{new.first_seen.clone()}</td>
            <td class="data-table__number" data-label="Bytes">{figure(&new.amount, Metric::Bytes)}</td>
            <td class="data-table__number" data-label="Flows">{figure(&new.amount, Metric::Flows)}</td>
        </tr>
    }
}
