//! The head of a report: what it is of, in sentences, and its figures in large.

use leptos::prelude::*;

use super::parts::{cell, figure, head};
use super::trend::Trend;
use super::wording;
use crate::components::heatmap::rows::{certainty, full, metric_label};
use crate::model::history::Metric;
use crate::model::report::{Compared, Report};

/// Logo, title, period, where and when it was made.
pub fn heading(report: &Report, logo: &str) -> impl IntoView + use<> {
    let question = &report.question;
    let filter = (!question.filter.is_empty()).then(|| {
        view! { <div><dt>"Only flows with"</dt>" "<dd><code><bdi>{question.filter.clone()}</bdi></code></dd></div> }
    });
    view! {
        <header class="report__head">
            {(!logo.is_empty()).then(|| view! { <img class="report__logo" src=logo.to_owned() alt=""/> })}
            <div class="report__titles">
                <p class="report__title">{wording::title(report)}</p>
                <h1 class="report__period">{report.period.clone()}</h1>
            </div>
            <dl class="report__made">
                <div><dt>"Compared with"</dt>" "<dd>{report.period_before.clone()}</dd></div>
                <div><dt>"Time zone"</dt>" "<dd>{question.zone.clone()}</dd></div>
                {filter}
                <div><dt>"Made"</dt>" "<dd>{report.made_at.clone()}</dd></div>
            </dl>
        </header>
    }
    .into_any()
}

/// The period in sentences, and the figures of the whole.
pub fn overview(report: &Report) -> impl IntoView + use<> {
    // Each for itself: what turns the direction of text in one of them turns no other.
    let sentences = report.summary.iter().map(|sentence| view! { <bdi>{sentence.clone()}</bdi>" " });
    let figures = [Metric::Bytes, Metric::Flows, Metric::Packets, Metric::Addresses]
        .map(|metric| large(&report.total, metric))
        .collect_view();
    view! {
        <section class="report__overview" aria-label="The period in short">
            <p class="report__summary">{sentences.collect_view()}</p>
            <dl class="report__figures">{figures}</dl>
            {ways(report)}
        </section>
    }
    .into_any()
}

fn large(total: &Compared, metric: Metric) -> impl IntoView + use<> {
    let now = total.now.of(metric);
    let known = metric != Metric::Addresses || total.now.addresses.is_some();
    let before = total.before.filter(|before| metric != Metric::Addresses || before.addresses.is_some());
    let name = if metric == Metric::Addresses { "Outside addresses" } else { metric_label(metric) };
    let certain = certainty(&total.now, metric);
    let exact = match (known, certain.as_str()) {
        (false, _) => "not counted".to_owned(),
        (true, "") => full(metric, now),
        (true, certain) => format!("{}, {certain}", full(metric, now)),
    };
    let change = known.then(|| Trend::of(now, before.map(|before| before.of(metric))).view());
    view! {
        <div class="report__figure-large" data-metric=metric.name()>
            <dt>{name}" "</dt>
            <dd>
                <span class="report__number">{figure(&total.now, metric)}</span>" "
                {change}" "
                <span class="report__exact">{exact}" "</span>
            </dd>
        </div>
    }
}

/// The table of directions.
fn ways(report: &Report) -> impl IntoView + use<> {
    let ways = [
        ("inbound", "Inbound", "from outside to home networks", &report.inbound),
        ("outbound", "Outbound", "from home networks to the outside", &report.outbound),
        ("internal", "Internal", "between home networks", &report.internal),
        ("transit", "Transit", "between others", &report.transit),
        ("all", "All", "", &report.total),
    ];
    let rows = ways
        .map(|(way, name, meaning, amount)| {
            let now = &amount.now;
            let class = if way == "all" { "report__sum" } else { "" };
            let before = amount.before.map(|before| before.of(Metric::Bytes));
            view! {
                <tr class=class data-way=way>
                    <th scope="row">{name}" "<span class="report__meaning">{meaning}</span></th>
                    {cell(now, Metric::Bytes)}
                    <td class="data-table__number" data-label="Change">{Trend::of(now.of(Metric::Bytes), before).view()}</td>
                    {cell(now, Metric::Flows)}
                    {cell(now, Metric::Packets)}
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="data-table data-table--stacked report__table report__ways">
            <caption class="visually-hidden">"Traffic by direction"</caption>
            {head("Direction", &["Bytes", "Change in bytes", "Flows", "Packets"])}
            <tbody>{rows}</tbody>
        </table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::report::sample;

    #[test]
    fn each_sentence_and_the_filter_are_isolated() {
        let mut report = sample::report();
        report.summary = vec!["Only “\u{202e}x”.".to_owned(), "21 GB passed.".to_owned()];
        report.question.filter = "outside.city = \"\u{202e}x\"".to_owned();
        let (overview, heading) = Owner::new()
            .with(|| (overview(&report).into_any().to_html(), heading(&report, "").into_any().to_html()));
        assert_eq!(overview.matches("<bdi>").count(), 2, "{overview}");
        assert!(heading.contains("<code><bdi>outside.city"), "{heading}");
    }
}
