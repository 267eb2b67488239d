//! The figures of the map as a table: every country, sortable, each with a link to its page.

use leptos::prelude::*;

use super::rows::{Column, Compare, Row, certainty, full, metric_label, short};
use crate::components::share_bar::ShareBar;
use crate::model::history::{Amount, Metric};
use crate::model::place::CountryCode;
use crate::model::quantity;

/// How the table is sorted, and the links that change it.
#[derive(Clone, Copy)]
pub struct Sorting {
    /// The column.
    pub column: Signal<Column>,
    /// True when the smallest is first.
    pub ascending: Signal<bool>,
    /// The address with another order: column, ascending.
    pub href: Callback<(Column, bool), String>,
}

/// The table. Its lines stay where they are while their contents change, so that a focused link keeps the focus.
#[component]
pub fn CountryTable(
    /// The lines, sorted.
    rows: Signal<Vec<Row>>,
    /// All of it, each flow once.
    total: Signal<Amount>,
    /// What the map shows.
    metric: Signal<Metric>,
    /// What the figures are compared with.
    compare: Signal<Compare>,
    /// How it is sorted.
    sorting: Sorting,
    /// The address of a country's page.
    href: Callback<Option<CountryCode>, String>,
    /// The pointer or the focus is on a line.
    on_point: Callback<Option<CountryCode>>,
) -> impl IntoView {
    let keys = Memo::new(move |_| rows.with(|rows| rows.iter().map(|row| row.country).collect::<Vec<_>>()));
    let most = Memo::new(move |_| {
        let metric = metric.get();
        rows.with(|rows| rows.iter().map(|row| row.amount.of(metric)).max().unwrap_or(0))
    });
    let compares = Memo::new(move |_| compare.get() != Compare::Nothing);
    let heads = Metric::ALL
        .map(|of| {
            view! {
                <Head column=Column::Metric(of) label=metric_label(of) metric sorting/>
            }
        })
        .collect_view();
    view! {
        <table class="country-table data-table">
            <caption class="visually-hidden">"Traffic by the country of the outside end"</caption>
            <thead>
                <tr>
                    <Head column=Column::Country label="Country" metric sorting/>
                    {heads}
                    <Show when=move || compares.get()>
                        <Head column=Column::Change label="Compared" metric sorting/>
                    </Show>
                </tr>
            </thead>
            <tbody>
                <For each=move || keys.get() key=|key| *key let:key>
                    <Line
                        row=Memo::new(move |_| rows.with(|rows| rows.iter().find(|row| row.country == key).cloned()))
                        country=key
                        most=most.into()
                        total
                        metric
                        compare
                        compares=compares.into()
                        href
                        on_point
                    />
                </For>
            </tbody>
            <tfoot>
                <tr>
                    <th scope="row" title="Each flow counted once; a transit flow is in the lines of both of its countries">"All"</th>
                    {Metric::ALL
                        .map(|of| view! { <Figure amount=total of is_main=Signal::derive(move || metric.get() == of)/> })
                        .collect_view()}
                    <Show when=move || compares.get()>
                        <td></td>
                    </Show>
                </tr>
            </tfoot>
        </table>
    }
    .into_any()
}

#[component]
fn Head(column: Column, label: &'static str, metric: Signal<Metric>, sorting: Sorting) -> impl IntoView {
    let is_sorted = move || sorting.column.get() == column;
    let order = move || {
        if !is_sorted() {
            None
        } else if sorting.ascending.get() {
            Some("ascending")
        } else {
            Some("descending")
        }
    };
    let is_main = move || column == Column::Metric(metric.get());
    let href = move || {
        let ascending = if is_sorted() { !sorting.ascending.get() } else { column.ascends() };
        sorting.href.run((column, ascending))
    };
    let class = move || {
        let number = if column == Column::Country { "" } else { " data-table__number" };
        let main = if is_main() { " country-table__main" } else { "" };
        format!("country-table__head{number}{main}")
    };
    view! {
        <th scope="col" class=class aria-sort=order>
            <a class="country-table__sort" href=href data-noscroll>
                {label}
                <span class="country-table__arrow" aria-hidden="true">
                    {move || match order() {
                        Some("ascending") => " ▲",
                        Some(_) => " ▼",
                        None => "",
                    }}
                </span>
            </a>
        </th>
    }
}

#[component]
fn Line(
    row: Memo<Option<Row>>,
    country: Option<CountryCode>,
    most: Signal<u64>,
    total: Signal<Amount>,
    metric: Signal<Metric>,
    compare: Signal<Compare>,
    compares: Signal<bool>,
    href: Callback<Option<CountryCode>, String>,
    on_point: Callback<Option<CountryCode>>,
) -> impl IntoView {
    let name = move || row.with(|row| row.as_ref().map(|row| row.name.clone()).unwrap_or_default());
    let amount =
        Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.amount).unwrap_or_default()));
    let figure = move || amount.with(|amount| amount.of(metric.get()));
    let share = Signal::derive(move || quantity::per_mille(figure(), most.get()));
    let percent = move || quantity::percent(figure(), total.with(|total| total.of(metric.get())));
    let change = move || row.with(|row| row.as_ref().and_then(|row| row.change));
    let change_text = move || {
        change().map_or_else(
            || "–".to_owned(),
            |change| match compare.get() {
                Compare::Metric(_) => change.times(),
                Compare::Nothing | Compare::Previous => change.percent(),
            },
        )
    };
    let change_class = move || {
        let shade = change().map_or_else(String::new, |change| format!(" change--{}", change.shade()));
        format!("data-table__number change{shade}")
    };
    view! {
        <tr
            data-country=country.map_or_else(|| "unknown".to_owned(), |code| code.to_string())
            on:mouseenter=move |_| on_point.run(country)
            on:mouseleave=move |_| on_point.run(None)
        >
            <th scope="row">
                <a
                    class="country-table__name"
                    href=move || href.run(country)
                    on:focus=move |_| on_point.run(country)
                    on:blur=move |_| on_point.run(None)
                >
                    {name}
                </a>
                " "
                <span class="country-table__share">{percent} " "</span>
                <ShareBar share/>
            </th>
            {Metric::ALL
                .map(|of| view! { <Figure amount of is_main=Signal::derive(move || metric.get() == of)/> })
                .collect_view()}
            <Show when=move || compares.get()>
                <td class=change_class>{change_text}</td>
            </Show>
        </tr>
    }
}

/// A figure: three digits to read, all of them in its value and its hover text.
#[component]
fn Figure(amount: Signal<Amount>, of: Metric, is_main: Signal<bool>) -> impl IntoView {
    let value = Memo::new(move |_| amount.with(|amount| amount.of(of)));
    let certain = Memo::new(move |_| amount.with(|amount| certainty(amount, of)));
    let is_missing = move || of == Metric::Addresses && amount.with(|amount| amount.addresses.is_none());
    let text = move || if is_missing() { "–".to_owned() } else { short(of, value.get()) };
    let title = move || {
        let known = certain.get();
        if is_missing() {
            "Distinct IPs were not counted for this range and filter".to_owned()
        } else if known.is_empty() {
            full(of, value.get())
        } else {
            format!("{}, {known}", full(of, value.get()))
        }
    };
    let class = move || {
        let main = if is_main.get() { " country-table__main" } else { "" };
        let none = if value.get() == 0 { " data-table__none" } else { "" };
        format!("data-table__number{main}{none}")
    };
    let about = move || certain.with(|certain| certain.starts_with('±'));
    view! {
        <td class=class data-metric=of.name()>
            <data value=move || value.get().to_string() title=title>
                {move || about().then_some("≈\u{202f}")}
                {text}
            </data>
        </td>
    }
}
