//! An answer: its chart, its table, and what has to be said about it.

use leptos::prelude::*;

use super::asking::{Asked, Asking};
use super::cell::{chosen, name_alone};
use super::exports::exports;
use super::flow_list::flow_list;
use super::question::Answer;
use super::rows::{Row, SeriesRows, Side, exported, sum};
use super::series_table::{SCALED, series_table};
use super::top_table::top_table;
use super::view::{Chart, View, Ways};
use crate::browser::url_state::UrlState;
use crate::components::charts::colour_class;
use crate::components::charts::crosshair::Crosshair;
use crate::components::charts::key::key;
use crate::components::charts::sankey::{SankeyGroup, SankeyLayout};
use crate::components::charts::sankey_chart::SankeyChart;
use crate::components::charts::time_axis::length_text;
use crate::components::charts::time_chart::{Form, Picture, PictureLine, Previous, TimeChart};
use crate::components::charts::unit::Unit;
use crate::components::metric_switch;
use crate::model::filter::{End, Field};
use crate::model::history::{Dimension, Metric, Sides, Source, Tier, Top};
use crate::model::quantity;
use crate::model::time_words;
use crate::model::traffic::Traffic;
use crate::pages::host_names::HostNames;

/// What is done with what a user chooses in an answer.
#[derive(Clone, Copy)]
pub struct Choices {
    /// The place under the pointer.
    pub crosshair: Crosshair,
    /// The line that stands out.
    pub highlighted: RwSignal<Option<usize>>,
    /// Called with a filter term, and whether flows with it are to be left out.
    pub on_term: Callback<(String, bool)>,
    /// What addresses are called.
    pub names: HostNames,
    /// The address of the page, for links.
    pub url: UrlState,
}

/// The latest answer.
#[component]
pub fn Results(asking: Asking, choices: Choices) -> impl IntoView {
    let class = move || {
        if asking.wait.is_slow.get() {
            "explore__results explore__results--waiting"
        } else {
            "explore__results"
        }
    };
    let click = move |event: leptos::ev::MouseEvent| {
        if let Some(term) = chosen(&event) {
            choices.on_term.run(term);
        }
    };
    view! {
        <div
            class=class
            aria-busy=move || if asking.wait.is_waiting.get() { "true" } else { "false" }
            on:click=click
            on:pointerenter=move |_| asking.hold.set(true)
            on:pointerleave=move |_| asking.hold.set(false)
            on:focusin=move |_| asking.hold.set(true)
            on:focusout=move |_| asking.hold.set(false)
        >
            {move || asking.shown.with(|shown| match shown {
                Some((asked, answer)) => result(asked, answer, choices),
                None => view! { <div class="explore__nothing"></div> }.into_any(),
            })}
        </div>
    }
    .into_any()
}

fn result(asked: &Asked, answer: &Answer, choices: Choices) -> AnyView {
    let Choices { url, names, .. } = choices;
    names.learn(answer.host_names(&asked.view.by));
    let body = match answer {
        Answer::Flows(page) if page.flows.is_empty() && asked.view.after.is_empty() => empty(asked, url),
        Answer::Flows(page) => flow_list(page, asked, url, names),
        Answer::Top(top) if top.total.traffic.is_none() => empty(asked, url),
        Answer::Top(top) => groups(top, asked, choices),
        Answer::Series { .. } => over_time(asked, answer, choices),
    };
    let sources: Vec<&Source> = match answer {
        Answer::Flows(page) => vec![&page.source],
        Answer::Top(top) => vec![&top.source],
        Answer::Series { above, below, .. } => {
            std::iter::once(above).chain(below.as_deref()).map(|series| &series.source).collect()
        }
    };
    view! { {body} {notes(&sources)} {exports(asked)} }.into_any()
}

fn over_time(asked: &Asked, answer: &Answer, choices: Choices) -> AnyView {
    let view = &asked.view;
    let Some(rows) = SeriesRows::of(answer, view, asked.range, asked.now) else { return ().into_any() };
    if rows.total.amount(Metric::Flows) == 0 {
        return empty(asked, choices.url);
    }
    let previous = SeriesRows::of_previous(answer, view, asked.range, asked.now);
    let gaps = match answer {
        Answer::Series { above, .. } => above.source.gaps.clone(),
        Answer::Top(_) | Answer::Flows(_) => Vec::new(),
    };
    let picture = view.form().map(|form| {
        let lines = lines_of(&rows, view);
        let previous = previous.map(|previous| Previous {
            range: asked.range.previous(),
            axis: previous.axis,
            lines: compared(&rows, &previous, view, form),
            collected: previous.collected,
        });
        Picture {
            axis: rows.axis,
            collected: rows.collected.clone(),
            unit: Unit::of(rows.metric, view.is_rate),
            form,
            lines,
            adds_up: rows.metric != Metric::Addresses,
            previous,
            room: (0.0, 0.0),
            gaps,
            exported: if rows.is_scaled() { exported_of(&rows) } else { Vec::new() },
        }
    });
    let chart = picture.map(|picture| {
        let key = key(&picture);
        let chart = if view.chart == Chart::Grid {
            grid(&picture, view, choices)
        } else {
            whole(picture, view, choices)
        };
        view! { {chart} {key} }
    });
    view! {
        <section class="panel explore__panel" aria-label="Answer">
            {head(asked, &rows)}
            {chart}
            <div class="table-scroll explore__table">{series_table(&rows, asked, choices.highlighted, choices.names)}</div>
            {series_notes(&rows, view)}
        </section>
    }
    .into_any()
}

/// What the chart shows, in words.
fn head(asked: &Asked, rows: &SeriesRows) -> AnyView {
    let unit = match (rows.metric, asked.view.is_rate) {
        (Metric::Bytes, true) => "Bits per second".to_owned(),
        (Metric::Addresses, _) => "Distinct IPs of each step".to_owned(),
        (metric, true) => format!("{} per second", metric_switch::label(metric)),
        (metric, false) => format!("{} of each step", metric_switch::label(metric)),
    };
    let what = if asked.view.form() == Some(Form::Shares) {
        format!("{unit}, as parts of the rows' sum")
    } else {
        unit
    };
    let sides = match asked.view.ways {
        Ways::Mirrored => ", inbound above and outbound below the axis",
        Ways::Only(Sides::Inbound) => ", inbound only",
        Ways::Only(Sides::Outbound) => ", outbound only",
        Ways::Only(Sides::Both) => "",
    };
    let scaled = if rows.is_scaled() { ", scaled by sampling" } else { "" };
    view! {
        <h2 class="panel__title">
            {format!("{what}{sides}{scaled} ")}
            <span class="panel__note">
                {format!(
                    "{} {} · steps of {}",
                    time_words::range(asked.range, asked.now),
                    time_words::zone(asked.now),
                    length_text(rows.axis.step_ms),
                )}
            </span>
        </h2>
    }
    .into_any()
}

fn whole(picture: Picture, view: &View, choices: Choices) -> AnyView {
    let label = format!("Chart: {}, {}", metric_switch::label(view.metric), view.chart.label());
    view! { <TimeChart picture label crosshair=choices.crosshair highlighted=choices.highlighted/> }
        .into_any()
}

/// A small chart for each line, all with the same axis.
fn grid(picture: &Picture, view: &View, choices: Choices) -> AnyView {
    let room = picture.largest();
    let none = RwSignal::new(None);
    let chart = |(position, line): (usize, &PictureLine)| {
        let one = Picture {
            lines: vec![line.clone()],
            previous: picture.previous.as_ref().map(|before| Previous {
                lines: before.lines.iter().filter(|before| before.colour == line.colour).cloned().collect(),
                ..before.clone()
            }),
            room,
            exported: Vec::new(),
            ..picture.clone()
        };
        let label = format!("{}: {}", metric_switch::label(view.metric), line.name);
        let colour = colour_class(line.colour);
        let (read, line, shown) = (choices.crosshair.step, line.clone(), one.clone());
        let figure = move || read.get().map(|step| shown.figures(&line, step));
        view! {
            <figure class="chart-grid__cell" on:pointerenter=move |_| choices.highlighted.set(Some(position)) on:pointerleave=move |_| choices.highlighted.set(None)>
                <figcaption>
                    <span class=format!("swatch {colour}") aria-hidden="true"></span>
                    " "
                    <span class="chart-grid__name">{one.lines.first().map(|line| line.name.clone())}</span>
                    " "
                    <span class="chart-grid__figure">{figure}</span>
                </figcaption>
                <TimeChart picture=one label crosshair=choices.crosshair highlighted=none is_small=true/>
            </figure>
        }
    };
    view! {
        <p class="panel__hint">"All of these have the same axis."</p>
        <div class="chart-grid">{picture.lines.iter().enumerate().map(chart).collect_view()}</div>
    }
    .into_any()
}

/// The lines as they are drawn; colours follow the order of the rows.
fn lines_of(rows: &SeriesRows, view: &View) -> Vec<PictureLine> {
    let line = |(position, row): (usize, &Row)| PictureLine {
        name: name_of(row, &view.by),
        colour: (!row.is_rest).then_some(position),
        above: row.figures(Side::Above, rows.metric),
        below: row.figures(Side::Below, rows.metric),
    };
    rows.rows.iter().enumerate().map(line).collect()
}

fn name_of(row: &Row, by: &[Dimension]) -> String {
    if row.is_rest {
        return "other".to_owned();
    }
    if row.keys.is_empty() {
        return "all flows".to_owned();
    }
    let names = by.iter().zip(&row.keys).map(|(dimension, key)| name_alone(*dimension, key));
    names.collect::<Vec<_>>().join(" · ")
}

/// The dashed lines: of the total where lines are stacked, else of each row that the period before had.
fn compared(rows: &SeriesRows, previous: &SeriesRows, view: &View, form: Form) -> Vec<PictureLine> {
    let dashed = |name: String, colour: Option<usize>, row: &Row| PictureLine {
        name,
        colour,
        above: row.figures(Side::Above, previous.metric),
        below: row.figures(Side::Below, previous.metric),
    };
    if form == Form::Stacked {
        return vec![dashed("all, period before".to_owned(), None, &previous.total)];
    }
    let found = rows.rows.iter().enumerate().filter(|(_, row)| !row.is_rest).filter_map(|(position, row)| {
        let before = previous.rows.iter().find(|before| before.keys == row.keys && !before.is_rest)?;
        Some(dashed(format!("{}, period before", name_of(row, &view.by)), Some(position), before))
    });
    found.collect()
}

/// What all flows of each step had as exported.
fn exported_of(rows: &SeriesRows) -> Vec<u64> {
    let below = rows.total.below.iter().copied().chain(std::iter::repeat(Traffic::NONE));
    rows.total.above.iter().zip(below).map(|(above, below)| exported(*above + below, rows.metric)).collect()
}

fn groups(top: &Top, asked: &Asked, choices: Choices) -> AnyView {
    let view = &asked.view;
    let head = format!("{} ", metric_switch::label(view.metric));
    let sankey = (view.chart == Chart::Sankey).then(|| sankey(top, view, choices));
    view! {
        <section class="panel explore__panel" aria-label="Answer">
            <h2 class="panel__title">
                {head}
                <span class="panel__note">
                    {format!("{} {}", time_words::range(asked.range, asked.now), time_words::zone(asked.now))}
                </span>
            </h2>
            {sankey}
            <div class="table-scroll explore__table">{top_table(top, asked, choices.names)}</div>
            {top.total.traffic.is_scaled().then(scaled_note)}
        </section>
    }
    .into_any()
}

fn sankey(top: &Top, view: &View, choices: Choices) -> AnyView {
    if view.by.len() < 2 {
        let mut by = view.by.clone();
        let application = Dimension::Field(Field::Service);
        let second = if by.contains(&application) {
            Dimension::Field(Field::Country(End::Outside))
        } else {
            application
        };
        by.push(second);
        let url = choices.url.url(&[("by", &View::by_text(&by))]);
        return view! {
            <p class="explore__hint">
                "A Sankey diagram shows how two to four dimensions belong together. Add another one, such as "
                <a href=url>{second.label()}</a> "."
            </p>
        }
        .into_any();
    }
    if view.metric == Metric::Addresses {
        return view! {
            <p class="explore__hint">"An address can be in several groups: ribbons of distinct addresses would not add up. Choose bytes, packets or flows."</p>
        }
        .into_any();
    }
    let shown = top.rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.amount.of(view.metric)));
    let mut all: Vec<SankeyGroup> = top
        .rows
        .iter()
        .map(|row| SankeyGroup {
            values: row.keys.iter().map(|key| Some(key.value.clone())).collect(),
            amount: row.amount.of(view.metric),
        })
        .collect();
    let rest = top.total.of(view.metric).saturating_sub(shown);
    all.push(SankeyGroup { values: vec![None; view.by.len()], amount: rest });
    let layout = SankeyLayout::of(&all, view.by.len(), usize::try_from(view.rows.min(20)).unwrap_or(10));
    let keys: Vec<_> = top.rows.iter().map(|row| row.keys.clone()).collect();
    let dimensions = view.by.clone();
    let name = Callback::new(move |(column, value): (usize, String)| {
        let key = keys.iter().filter_map(|keys| keys.get(column)).find(|key| key.value == value);
        let named = key.zip(dimensions.get(column)).map(|(key, dimension)| name_alone(*dimension, key));
        named.unwrap_or(value)
    });
    let metric = view.metric;
    let text = Callback::new(move |amount: u64| {
        if metric == Metric::Bytes { quantity::bytes(amount) } else { quantity::short_count(amount) }
    });
    let by = view.by.clone();
    let on_choose = Callback::new(move |(column, value, is_left_out): (usize, String, bool)| {
        if let Some(term) = by.get(column).and_then(|dimension| dimension.term(&value)) {
            choices.on_term.run((term, is_left_out));
        }
    });
    let columns: Vec<String> = view.by.iter().map(|dimension| dimension.label()).collect();
    view! { <SankeyChart layout columns name text on_choose/> }.into_any()
}

/// Nothing passed: what can be done about it.
fn empty(asked: &Asked, url: UrlState) -> AnyView {
    let has_filter = !asked.filter.is_empty() || asked.view.ways != Ways::default();
    let wider = asked.words.zoomed_out(asked.now);
    view! {
        <section class="panel explore__panel explore__empty" aria-label="Answer">
            <h2 class="panel__title">"No flows"</h2>
            <p>
                {format!(
                    "Nothing {}was received {} {}.",
                    if has_filter { "that passes this filter " } else { "" },
                    time_words::range(asked.range, asked.now),
                    time_words::zone(asked.now),
                )}
            </p>
            <ul>
                {has_filter.then(|| view! { <li><a href=url.url(&[("filter", ""), ("sides", ""), ("after", "")])>"Show all flows of this time"</a></li> })}
                <li><a href=url.url(&[("from", &wider.from), ("to", &wider.to), ("after", "")])>"Look at a longer time"</a></li>
                <li><a href="/exporters">"See what exporters send, and how to point one here"</a></li>
            </ul>
        </section>
    }
    .into_any()
}

fn series_notes(rows: &SeriesRows, view: &View) -> AnyView {
    let shown: u64 = rows.rows.iter().fold(0, |sum, row| sum.saturating_add(row.amount(rows.metric)));
    let is_counted = rows.metric == Metric::Addresses;
    let is_double = !is_counted && shown > rows.total.amount(rows.metric);
    let is_grouped = !view.by.is_empty();
    let is_partly_previous = view.has_previous && matches!(view.chart, Chart::Shares | Chart::Table);
    let has_sides = view.ways == Ways::Mirrored;
    view! {
        {is_counted.then(|| view! {
            <p class="panel__hint">
                "Distinct IPs do not add up: an address is counted in each step and each row that it is in, and once in a total. "
                {is_grouped.then_some("Rows stand side by side, and the addresses of the others are not counted. ")}
                "Up to 512 they are counted one by one, more are estimated within about 1.6\u{202f}%."
            </p>
        })}
        {rows.is_scaled().then(scaled_note)}
        {is_double.then(|| view! {
            <p class="panel__hint">"The rows add up to more than all flows: a transit flow is in the rows of both of its ends."</p>
        })}
        {has_sides.then(|| view! { <p class="panel__hint">"Internal and transit flows are neither inbound nor outbound and do not count here."</p> })}
        {is_partly_previous.then(|| view! { <p class="panel__hint">"The period before is drawn in the charts Stacked, Lines and Grid."</p> })}
        {(sum(&rows.total.above).unknown_sampling > 0 && rows.is_scaled()).then(|| view! {
            <p class="panel__hint">"Of some flows the sampling is not known: they count as exported."</p>
        })}
    }
    .into_any()
}

fn scaled_note() -> AnyView {
    view! { <p class="panel__hint">{format!("{} Scaled by sampling; the hover text has the figures as exported.", SCALED.trim_start())}</p> }
        .into_any()
}

/// What the answer was made of, and what is missing in it.
fn notes(sources: &[&Source]) -> AnyView {
    let mut tiers: Vec<_> = sources.iter().flat_map(|source| source.tiers.clone()).collect();
    tiers.sort();
    tiers.dedup();
    let took: u64 = sources.iter().map(|source| source.took_ms).sum();
    let mut faults: Vec<_> =
        sources.iter().filter(|source| !source.is_complete).map(|source| source.note.clone()).collect();
    let mut remarks: Vec<_> =
        sources.iter().filter(|source| source.is_complete).map(|source| source.note.clone()).collect();
    faults.dedup();
    remarks.dedup();
    remarks.retain(|remark| !remark.is_empty());
    let from = if tiers.is_empty() { String::new() } else { format!("From {}. ", Tier::list(&tiers)) };
    // Both directions are of the same time.
    let gaps = sources.first().map(|source| source.gaps_told()).unwrap_or_default();
    view! {
        {faults.into_iter().map(|fault| view! { <p class="explore__fault" role="status">{format!("Not complete: {fault}")}</p> }).collect_view()}
        {remarks.into_iter().map(|remark| view! { <p class="panel__hint">{remark}</p> }).collect_view()}
        <p class="explore__source">{format!("{from}Answered in {}{gaps}.", quantity::duration(took))}</p>
    }
    .into_any()
}
