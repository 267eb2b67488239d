//! The lines of a chart as a table: its legend, its figures, and where values are chosen for the filter.

use leptos::prelude::*;

use super::asking::Asked;
use super::cell::{key_cells, key_heads};
use super::rows::{Row, SeriesRows, Side, of, sum};
use super::top_table::distinct;
use super::view::View;
use crate::components::charts::colour_class;
use crate::components::charts::statistics::Statistics;
use crate::components::charts::unit::Unit;
use crate::model::history::Metric;
use crate::model::quantity;
use crate::model::traffic::Traffic;
use crate::pages::host_names::HostNames;

/// Marks a figure that sampling made larger.
pub const SCALED: &str = "\u{202f}ˢ";

/// The table of rows over time.
pub fn series_table(
    rows: &SeriesRows,
    asked: &Asked,
    highlighted: RwSignal<Option<usize>>,
    names: HostNames,
) -> AnyView {
    let view = &asked.view;
    let unit = Unit::of(rows.metric, view.is_rate);
    let has_sides = !rows.total.below.is_empty();
    let is_counted = rows.metric == Metric::Addresses;
    let all = |side: Side| {
        // An address that is on both sides is no part of a sum of both.
        if is_counted { rows.total.amount_of(side, rows.metric) } else { rows.total.amount(rows.metric) }
    };
    let everything = if is_counted { "All, each address once" } else { "All, each flow once" };
    let cells = |row: &Row, side: Side| -> AnyView {
        let of_line = Statistics::of(&row.figures(side, rows.metric), &rows.axis, &rows.collected, unit);
        let traffic = sum(row.traffic(side));
        let title = quantity::in_full(traffic);
        let figure = |value: f64| view! { <td class="data-table__number">{unit.text(value)}</td> };
        let total = match row.addresses(side) {
            Some(addresses) => distinct(addresses.whole),
            None => total_text(traffic, rows.metric).into_any(),
        };
        view! {
            {has_sides.then(|| view! { <td class="explore-table__side">{if side == Side::Below { "out ↓" } else { "in ↑" }}</td> })}
            {figure(of_line.smallest)}
            {figure(of_line.largest)}
            {figure(of_line.last)}
            {figure(of_line.average)}
            {figure(of_line.percentile_95)}
            <td class="data-table__number explore-table__total" title=title>{total}</td>
            <td class="data-table__number">{quantity::percent(row.amount_of(side, rows.metric), all(side))}</td>
        }
        .into_any()
    };
    let body = rows.rows.iter().enumerate().flat_map(|(position, row)| {
        let colour = (!row.is_rest).then_some(position);
        Side::all(has_sides).iter().map(move |side| {
            let heads = if *side == Side::Below {
                view! { <td colspan=view.by.len().max(1).to_string()></td> }.into_any()
            } else if row.is_rest {
                rest_cells(view)
            } else {
                key_cells(asked, &row.keys, Some(&colour_class(colour)), names)
            };
            view! {
                <tr
                    on:pointerenter=move |_| highlighted.set(Some(position))
                    on:pointerleave=move |_| highlighted.set(None)
                    on:focusin=move |_| highlighted.set(Some(position))
                    on:focusout=move |_| highlighted.set(None)
                >
                    {heads}
                    {cells(row, *side)}
                </tr>
            }
        })
    });
    let foot = Side::all(has_sides).iter().map(|side| {
        view! {
            <tr class="explore-table__sum">
                <th scope="row" colspan=view.by.len().max(1).to_string()>{if *side == Side::Below { "" } else { everything }}</th>
                {cells(&rows.total, *side)}
            </tr>
        }
    });
    view! {
        <table class="data-table explore-table">
            <caption class="visually-hidden">"Figures of every line of the chart"</caption>
            <thead>
                <tr>
                    {key_heads(&view.by)}
                    {has_sides.then(|| view! { <th scope="col">"Direction"</th> })}
                    {heads(rows.metric, unit)}
                </tr>
            </thead>
            <tbody>{body.collect_view()}</tbody>
            <tfoot>{foot.collect_view()}</tfoot>
        </table>
    }
    .into_any()
}

fn heads(metric: Metric, unit: Unit) -> AnyView {
    let is_counted = metric == Metric::Addresses;
    let average = match unit {
        _ if is_counted => "Of all steps in which something was collected",
        Unit::BitsPerSecond | Unit::PerSecond => "The total, by the time in which something was collected",
        Unit::Bytes | Unit::Count | Unit::Share => {
            "The total, by the number of steps in which something was collected"
        }
    };
    let heads = [
        ("Min", "Of the smallest step; steps in which nothing was collected do not count"),
        ("Max", "Of the largest step"),
        ("Last", "Of the last whole step in which something was collected"),
        ("Average", average),
        (
            "95th",
            "95th percentile: at or below this are 95 of 100 steps (nearest rank; steps that lie in the range only in part, or in which nothing was collected, do not count)",
        ),
        (
            "Total",
            if is_counted {
                "Different addresses of the whole range, each once; about: estimated"
            } else {
                "Of the whole range; scaled by sampling, the figures as exported in the hover text"
            },
        ),
        ("Share", "Of all flows of the question"),
    ];
    let heads = heads
        .map(|(name, title)| view! { <th scope="col" class="data-table__number" title=title>{name}</th> });
    heads.into_iter().collect_view().into_any()
}

fn rest_cells(view: &View) -> AnyView {
    view! {
        <th scope="row" colspan=view.by.len().max(1).to_string() title="Every flow that is in none of the rows above">
            <span class="swatch series--other" aria-hidden="true"></span>
            " other"
        </th>
    }
    .into_any()
}

/// A total, marked where sampling made it larger.
pub fn total_text(traffic: Traffic, metric: Metric) -> String {
    let figure = of(traffic, metric);
    let text = match metric {
        Metric::Bytes => quantity::bytes(figure),
        Metric::Flows | Metric::Packets | Metric::Addresses => quantity::count(figure),
    };
    if figure == super::rows::exported(traffic, metric) { text } else { format!("{text}{SCALED}") }
}
