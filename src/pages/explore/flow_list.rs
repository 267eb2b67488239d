//! Flow records, newest first, page by page.

use std::collections::HashMap;

use jiff::Timestamp;
use leptos::prelude::*;

use super::asking::Asked;
use super::cell::choice;
use super::exports::flow_filter;
use crate::browser::url_state::UrlState;
use crate::components::replay_link::replay_moment_href;
use crate::model::countries;
use crate::model::filter::equality;
use crate::model::history::{FlowPage, StoredEnd, StoredFlow};
use crate::model::protocol_names::{filter_name, protocol_label, service_name};
use crate::model::quantity;
use crate::model::time_words::{self, Now};
use crate::pages::host_names::HostNames;

/// What systems and addresses are called.
struct Names<'a> {
    /// By number.
    systems: HashMap<&'a str, &'a str>,
    hosts: HostNames,
}

/// The page of records, and the ways to the next one and to the first.
pub fn flow_list(page: &FlowPage, asked: &Asked, url: UrlState, hosts: HostNames) -> AnyView {
    let has_all = asked.view.has_all_columns;
    let is_first = asked.view.after.is_empty();
    let now = asked.now;
    let names = Names {
        systems: page.systems.iter().map(|key| (key.value.as_str(), key.label.as_str())).collect(),
        hosts,
    };
    let filter = flow_filter(asked);
    let rows = page.flows.iter().map(|flow| row(flow, now, has_all, &names, &filter)).collect_view();
    let count = match (page.flows.len(), is_first, page.next.is_empty()) {
        (0, ..) => "no older ones".to_owned(),
        (count, true, true) => quantity::count(count as u64),
        (count, ..) => format!("{} on this page", quantity::count(count as u64)),
    };
    view! {
        <section class="panel explore__panel" aria-label="Answer">
            <h2 class="panel__title">
                "Flow records, newest first "
                <span class="panel__note">
                    {format!("{count} · {} {}", time_words::range(asked.range, now), time_words::zone(now))}
                </span>
            </h2>
            <p class="explore__columns">
                {if has_all {
                    view! { <a href=url.url(&[("columns", "")])>"Fewer columns"</a> }.into_any()
                } else {
                    view! { <a href=url.url(&[("columns", "all")])>"All columns"</a> }.into_any()
                }}
            </p>
            <div class="table-scroll explore__table">
                <table class="data-table data-table--stacked flow-list">
                    <caption class="visually-hidden">"Flow records, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Received"</th>
                            <th scope="col">"Source"</th>
                            <th scope="col">"Destination"</th>
                            <th scope="col">"Protocol"</th>
                            <th scope="col" class="data-table__number" title="As exported">"Bytes"</th>
                            <th scope="col" class="data-table__number" title="As exported">"Packets"</th>
                            <th scope="col" title="1 in so many packets was looked at">"Sampling"</th>
                            <th scope="col">"Direction"</th>
                            <th scope="col">"Exporter"</th>
                            {has_all.then(|| view! {
                                <th scope="col">"Start"</th>
                                <th scope="col" class="data-table__number">"Duration"</th>
                                <th scope="col">"Input interface"</th>
                                <th scope="col">"Output interface"</th>
                                <th scope="col">"TCP flags"</th>
                                <th scope="col">"Type of service"</th>
                                <th scope="col">"VLAN"</th>
                                <th scope="col">"Observation domain"</th>
                            })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <nav class="explore__pages" aria-label="Pages of flow records">
                {(!is_first).then(|| view! { <a class="button" href=url.url(&[("after", "")])>"Newest"</a> " " })}
                {(!page.next.is_empty()).then(|| view! {
                    <a class="button explore__older" href=url.url(&[("after", &page.next)])>"Older records"</a>
                })}
                {(page.next.is_empty() && !is_first).then(|| view! { <span class="panel__note">"This is the last page."</span> })}
            </nav>
        </section>
    }
    .into_any()
}

fn row(flow: &StoredFlow, now: Now, has_all: bool, names: &Names<'_>, filter: &str) -> AnyView {
    let replay = replay_moment_href(flow.received_ms, filter);
    let protocol = filter_name(flow.protocol).map_or_else(|| flow.protocol.to_string(), str::to_owned);
    let port = [flow.source.port, flow.destination.port].into_iter().filter(|port| *port > 0).min();
    let service = port.and_then(service_name).unwrap_or_default().to_owned();
    let scale = u64::from(flow.sampling_interval.max(1));
    let scaled = |figure: u64, noun: &str| match scale {
        1 => quantity::counted(figure, noun),
        _ => format!(
            "{} as exported, {} scaled by sampling",
            quantity::counted(figure, noun),
            quantity::count(figure.saturating_mul(scale))
        ),
    };
    let sampling = match flow.sampling_interval {
        0 => "unknown".to_owned(),
        1 => "none".to_owned(),
        interval => format!("1 in {}", quantity::count(u64::from(interval))),
    };
    let direction = flow.direction.name();
    let more = has_all.then(|| more_cells(flow, now));
    view! {
        <tr>
            <td class="flow-list__time" data-label="Received">
                {moment(flow.received_ms, now)} " "
                <a class="choice__replay" href=replay title="Replay the minutes around this record" aria-label="Replay the minutes around this record">"▶\u{fe0e}"</a>
            </td>
            <td data-label="Source">{end("src", &flow.source, names)}</td>
            <td data-label="Destination">{end("dst", &flow.destination, names)}</td>
            <td data-label="Protocol">{choice(&format!("protocol = {protocol}"), protocol_label(flow.protocol), service)}</td>
            <td class="data-table__number" data-label="Bytes" title=scaled(flow.bytes, "byte")>{quantity::count(flow.bytes)}</td>
            <td class="data-table__number" data-label="Packets" title=scaled(flow.packets, "packet")>{quantity::count(flow.packets)}</td>
            <td data-label="Sampling">{sampling}</td>
            <td data-label="Direction" class=format!("direction--{direction}")>{choice(&format!("direction = {direction}"), direction.to_owned(), String::new())}</td>
            <td data-label="Exporter">{choice(&format!("exporter = {}", flow.exporter), flow.exporter.to_string(), String::new())}</td>
            {more}
        </tr>
    }
    .into_any()
}

fn more_cells(flow: &StoredFlow, now: Now) -> AnyView {
    let duration = u64::try_from(flow.end_ms.saturating_sub(flow.start_ms)).unwrap_or(0);
    let number = |field: &str, number: u32| match number {
        0 => "–".into_any(),
        number => choice(&format!("{field} = {number}"), number.to_string(), String::new()),
    };
    view! {
        <td class="flow-list__time" data-label="Start">{moment(flow.start_ms, now)}</td>
        <td class="data-table__number" data-label="Duration">{quantity::duration(duration)}</td>
        <td data-label="Input interface">{number("in.interface", flow.source.interface)}</td>
        <td data-label="Output interface">{number("out.interface", flow.destination.interface)}</td>
        <td data-label="TCP flags">{flags(flow)}</td>
        <td data-label="Type of service">{number("tos", u32::from(flow.type_of_service))}</td>
        <td data-label="VLAN">{number("vlan", u32::from(flow.vlan))}</td>
        <td data-label="Observation domain">{flow.observation_domain}</td>
    }
    .into_any()
}

fn end(side: &str, end: &StoredEnd, names: &Names<'_>) -> AnyView {
    let address =
        choice(&format!("{side}.address = {}", end.address), end.address.to_string(), String::new());
    let port = (end.port > 0).then(|| {
        let name = service_name(end.port).unwrap_or_default().to_owned();
        view! { " " {choice(&format!("{side}.port = {}", end.port), end.port.to_string(), name)} }
    });
    let country = end.country.map(|code| {
        let name =
            countries::country(code).map_or_else(|| code.to_string(), |country| country.name.to_owned());
        choice(&format!("{side}.country = \"{code}\""), name, String::new())
    });
    let city = (!end.city.is_empty()).then(|| equality(&format!("{side}.city"), &end.city)).flatten();
    let city = city.map(|term| choice(&term, end.city.clone(), String::new()));
    let system = (end.as_number > 0).then(|| {
        let number = end.as_number.to_string();
        let name = names.systems.get(number.as_str()).copied().unwrap_or_default().to_owned();
        let (name, note) =
            if name.is_empty() { (format!("AS{number}"), name) } else { (name, format!("AS{number}")) };
        choice(&format!("{side}.as = {number}"), name, note)
    });
    let places = [country, city, system].into_iter().flatten().enumerate().map(|(position, part)| {
        let between = if position > 0 { " · " } else { "" };
        view! { {between} {part} }
    });
    view! {
        <span class="flow-list__end">
            <span class="flow-list__address">{address} {port}</span>
            {names.hosts.shown(&end.address.to_string())}
            <span class="flow-list__place">{places.collect_view()}</span>
        </span>
    }
    .into_any()
}

/// The letters of the flags that were seen, and the choice of exactly these.
fn flags(flow: &StoredFlow) -> AnyView {
    const LETTERS: [char; 9] = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C', 'N'];
    if flow.tcp_flags == 0 {
        return "–".into_any();
    }
    let seen = LETTERS.iter().enumerate().filter(|(bit, _)| flow.tcp_flags & (1 << bit) != 0);
    let letters: String = seen.map(|(_, letter)| *letter).collect();
    choice(&format!("flags = {}", flow.tcp_flags), letters, String::new())
}

/// `23 Nov 14:05:09.120`, in the zone.
fn moment(ms: i64, now: Now) -> String {
    let wall = ms.saturating_add(i64::from(now.offset_minutes) * 60_000);
    Timestamp::from_millisecond(wall)
        .map_or_else(|_| "–".to_owned(), |wall| wall.strftime("%-d %b %H:%M:%S%.3f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_to_the_millisecond_in_the_zone() {
        assert_eq!(moment(120, Now { ms: 0, offset_minutes: 60 }), "1 Jan 01:00:00.120");
        assert_eq!(moment(i64::MAX, Now::default()), "–");
    }
}
