//! Groups without time as a table.

use leptos::prelude::*;

use super::asking::Asked;
use super::cell::{key_cells, key_heads};
use super::series_table::total_text;
use crate::components::share_bar::ShareBar;
use crate::model::history::{Amount, Distinct, Metric, Top};
use crate::model::quantity;
use crate::pages::host_names::HostNames;

/// The table of the groups with most.
pub fn top_table(top: &Top, asked: &Asked, names: HostNames) -> AnyView {
    let view = &asked.view;
    let most = usize::try_from(view.rows).unwrap_or(usize::MAX);
    let all = top.total.of(view.metric);
    let has_addresses = top.total.addresses.is_some();
    let largest = top.rows.first().map_or(0, |row| row.amount.of(view.metric));
    let amounts = move |amount: &Amount, bar: Option<u16>| -> AnyView {
        let title = quantity::in_full(amount.traffic);
        let addresses = amount.addresses;
        view! {
            {has_addresses.then(|| view! {
                <td class="data-table__number">{addresses.map(distinct)} {bar.map(|share| view! { <ShareBar share/> })}</td>
            })}
            <td class="data-table__number" title=title.clone()>{quantity::count(amount.traffic.flows)}</td>
            <td class="data-table__number" title=title.clone()>{total_text(amount.traffic, Metric::Bytes)}</td>
            <td class="data-table__number" title=title>{total_text(amount.traffic, Metric::Packets)}</td>
        }
        .into_any()
    };
    let rows = top.rows.iter().take(most).map(|row| {
        let bar = quantity::per_mille(row.amount.of(view.metric), largest);
        view! {
            <tr>
                {key_cells(asked, &row.keys, None, names)}
                {amounts(&row.amount, has_addresses.then_some(bar))}
                <td class="data-table__number">{quantity::percent(row.amount.of(view.metric), all)}</td>
            </tr>
        }
    });
    let others = match top.groups {
        Some(groups) if groups > most as u64 => {
            format!("{} of {} groups", quantity::count(most as u64), quantity::count(groups))
        }
        Some(groups) => quantity::counted(groups, "group"),
        None => "the groups with most".to_owned(),
    };
    view! {
        <table class="data-table explore-table">
            <caption class="explore-table__caption">{others}</caption>
            <thead>
                <tr>
                    {key_heads(&view.by)}
                    {has_addresses.then(|| view! {
                        <th scope="col" class="data-table__number" title="Different addresses outside of the home networks; about: estimated">
                            "Distinct IPs"
                        </th>
                    })}
                    <th scope="col" class="data-table__number">"Flows"</th>
                    <th scope="col" class="data-table__number">"Bytes"</th>
                    <th scope="col" class="data-table__number">"Packets"</th>
                    <th scope="col" class="data-table__number" title="Of all flows of the question; an address can be in several groups">"Share"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
            <tfoot>
                <tr class="explore-table__sum">
                    <th scope="row" colspan=view.by.len().max(1).to_string()>"All, each flow once"</th>
                    {amounts(&top.total, None)}
                    <td></td>
                </tr>
            </tfoot>
        </table>
    }
    .into_any()
}

/// A count of distinct addresses, and how sure it is.
pub fn distinct(addresses: Distinct) -> AnyView {
    if addresses.is_exact() {
        return quantity::count(addresses.count).into_any();
    }
    let error = format!("Estimated, with a standard error of {:.1} %", f64::from(addresses.error) * 100.0);
    view! { <span title=error>{format!("about {}", quantity::count(addresses.count))}</span> }.into_any()
}
