//! Traffic by day, and the busiest hours.

use leptos::prelude::*;

use super::figures::{NARROW, WIDE, days_of, week_hours_in, world_in};
use super::parts::{Figure, Part, cell, head};
use super::picture::Picture;
use super::trend::Trend;
use super::wording::{self, StepName};
use crate::model::history::{Amount, Metric};
use crate::model::quantity;
use crate::model::report::{Peak, Report, Section, Step};

/// More rows than these are folded away.
const MOST_ROWS: usize = 62;

/// Bytes, flows and packets by day or hour.
pub fn days(report: &Report) -> impl IntoView + use<> {
    let StepName { each, column } = wording::step_name(report);
    let heading = wording::steps_heading(report);
    let small = [Metric::Flows, Metric::Packets]
        .map(|metric| {
            let drawing = days_of(report, metric, NARROW);
            let caption = drawing.label.clone();
            view! {
                <figure class="report__figure">
                    <figcaption class="report__caption">{caption}</figcaption>
                    <Picture drawing/>
                </figure>
            }
        })
        .collect_view();
    let rows = report.steps.iter().map(day).collect_view();
    let table = view! {
        <div class="table-scroll">
            <table class="data-table report__table report__days">
                <caption class="visually-hidden">{heading.clone()}</caption>
                {head(column, &["Bytes", "Inbound", "Outbound", "Change in bytes", "Flows", "Packets"])}
                <tbody>{rows}</tbody>
            </table>
        </div>
    };
    // A table of more than a page is for those who look for it.
    let table = if report.steps.len() > MOST_ROWS {
        let summary = format!("All {} {each}s", report.steps.len());
        view! { <details class="fold"><summary>{summary}</summary>{table}</details> }.into_any()
    } else {
        table.into_any()
    };
    let (wide, narrow) = (days_of(report, Metric::Bytes, WIDE), days_of(report, Metric::Bytes, NARROW));
    let caption = wide.label.clone();
    view! {
        <Part section=Section::Days heading>
            <Figure wide narrow caption/>
            <div class="report__pair">{small}</div>
            {table}
        </Part>
    }
    .into_any()
}

fn day(step: &Step) -> impl IntoView + use<> {
    let of = |traffic| Amount { traffic, addresses: None };
    let total = of(step.total);
    let before = step.before.map(|before| of(before).of(Metric::Bytes));
    let bytes = |traffic, label: &'static str| {
        let bytes = of(traffic).of(Metric::Bytes);
        view! {
            <td class="data-table__number" data-label=label>
                <data value=bytes.to_string() title=quantity::counted(bytes, "byte")>{quantity::bytes(bytes)}</data>
            </td>
        }
    };
    view! {
        <tr data-step=step.label.clone()>
            <th scope="row">
                {step.label.clone()}
                {step.has_gap.then(|| view! { " "<span class="tag">"gap"</span> })}
            </th>
            {cell(&total, Metric::Bytes)}
            {bytes(step.inbound, "Inbound")}
            {bytes(step.outbound, "Outbound")}
            <td class="data-table__number" data-label="Change in bytes">{Trend::of(total.of(Metric::Bytes), before).view()}</td>
            {cell(&total, Metric::Flows)}
            {cell(&total, Metric::Packets)}
        </tr>
    }
}

/// The week by hour, and the peaks.
pub fn hours(report: &Report) -> impl IntoView + use<> {
    let grid = week_hours_in(report, WIDE).zip(week_hours_in(report, NARROW)).map(|(wide, narrow)| {
        let caption = wide.label.clone();
        view! { <Figure wide narrow caption/> }
    });
    let rates = wording::rates(report);
    let peaks = if report.peaks.is_empty() {
        view! { <p class="report__note">{rates}</p> }.into_any()
    } else {
        peaks(&report.peaks, rates).into_any()
    };
    view! { <Part section=Section::Hours>{grid}{peaks}</Part> }.into_any()
}

fn peaks(peaks: &[Peak], caption: String) -> impl IntoView + use<> {
    let rows = peaks
        .iter()
        .map(|peak| {
            let rate = |label: &'static str, bits: u64| {
                view! {
                    <td class="data-table__number" data-label=label>
                        <data value=bits.to_string()>{quantity::bits(bits)}</data>
                    </td>
                }
            };
            let at = if peak.peak_bits_per_second == 0 { "–".to_owned() } else { peak.peak_at.clone() };
            view! {
                <tr>
                    <th scope="row">{peak.way.clone()}</th>
                    {rate("Mean", peak.mean_bits_per_second)}
                    {rate("95th percentile", peak.p95_bits_per_second)}
                    {rate("Peak", peak.peak_bits_per_second)}
                    <td class="data-table__number" data-label="Peak at">{at}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="data-table data-table--stacked report__table report__peaks">
            <caption class="report__caption">{caption}</caption>
            {head("Direction", &["Mean", "95th percentile", "Peak", "Peak at"])}
            <tbody>{rows}</tbody>
        </table>
    }
}

/// The world.
pub fn map(report: &Report) -> impl IntoView + use<> {
    let (wide, narrow) = (world_in(report, WIDE), world_in(report, NARROW));
    let caption = wording::map_caption(report);
    view! {
        <Part section=Section::Map>
            <Figure wide narrow caption/>
        </Part>
    }
    .into_any()
}
