//! The newest flows as a table. Every cell that names something adds it to the filter.
//!
//! While the pointer or the focus is in the table its rows hold still, so that they can be read and chosen.

use std::net::IpAddr;
use std::sync::Arc;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys;

use crate::model::countries;
use crate::model::frame::FlowRow;
use crate::model::place::{Place, Precision};
use crate::model::protocol_names::{protocol_label, service_name};
use crate::model::{quantity, time};

/// One end of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowEnd {
    /// Its address.
    pub address: IpAddr,
    /// Its port, 0 when the protocol has none.
    pub port: u16,
    /// Where it is.
    pub place: Place,
    /// Its autonomous system, 0 when unknown.
    pub as_number: u32,
    /// Name of that, empty when unknown.
    pub as_name: String,
}

/// A flow with everything its row shows.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowView {
    /// A number of its own on this page.
    pub key: u64,
    /// The flow as the server sent it.
    pub row: FlowRow,
    /// Where it comes from.
    pub source: FlowEnd,
    /// Where it goes.
    pub destination: FlowEnd,
}

impl FlowView {
    /// Looks up the places and names that came with a row.
    pub fn new(key: u64, row: &FlowRow, places: &[Place], as_names: &[(u32, String)]) -> Self {
        let end = |address, port, place: u32, as_number| FlowEnd {
            address,
            port,
            place: usize::try_from(place)
                .ok()
                .and_then(|place| places.get(place))
                .cloned()
                .unwrap_or_default(),
            as_number,
            as_name: as_names
                .iter()
                .find(|(number, _)| *number == as_number)
                .map(|(_, name)| name.clone())
                .unwrap_or_default(),
        };
        Self {
            key,
            source: end(row.source_address, row.source_port, row.source_place, row.source_as),
            destination: end(
                row.destination_address,
                row.destination_port,
                row.destination_place,
                row.destination_as,
            ),
            row: row.clone(),
        }
    }
}

/// The table.
#[component]
pub fn FlowTable(
    /// The rows, newest first.
    #[prop(into)]
    rows: Signal<Vec<Arc<FlowView>>>,
    /// Set while the rows should hold still.
    hold: RwSignal<bool>,
    /// Called with the filter term of a cell that was chosen.
    on_term: Callback<String>,
) -> impl IntoView {
    let choose = move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let button = target.and_then(|target| target.closest("[data-term]").ok().flatten());
        if let Some(term) = button.and_then(|button| button.get_attribute("data-term")) {
            on_term.run(term);
        }
    };
    view! {
        <div
            class="flow-table"
            on:pointerenter=move |_| hold.set(true)
            on:pointerleave=move |_| hold.set(false)
            on:focusin=move |_| hold.set(true)
            on:focusout=move |_| hold.set(false)
        >
            <table>
                <caption class="visually-hidden">"Newest flows, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Time (UTC)"</th>
                        <th scope="col">"Source"</th>
                        <th scope="col">"Destination"</th>
                        <th scope="col" class="flow-table__protocol">"Protocol"</th>
                        <th scope="col" class="flow-table__number">"Bytes"</th>
                        <th scope="col" class="flow-table__number flow-table__packets">"Packets"</th>
                        <th scope="col" class="flow-table__direction">"Direction"</th>
                        <th scope="col" class="flow-table__as">"AS"</th>
                    </tr>
                </thead>
                <tbody on:click=choose>
                    <For each=move || rows.get() key=|flow| flow.key let:flow>
                        {flow_row(&flow)}
                    </For>
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

fn flow_row(flow: &FlowView) -> impl IntoView + use<> {
    let row = &flow.row;
    let protocol = protocol_label(row.protocol);
    let port = [row.source_port, row.destination_port].into_iter().filter(|port| *port > 0).min();
    let service = port.and_then(service_name);
    let class = format!("direction direction--{}", row.direction.name());
    let direction = row.direction.name();
    let scale = u64::from(row.sampling_interval.max(1));
    let sampling = match scale {
        1 => String::new(),
        _ => format!(" as exported, sampled 1 in {}", quantity::count(scale)),
    };
    view! {
        <tr>
            <td class="flow-table__time" title=time::date_and_time(row.received_ms)>
                {time::time_of_day(row.received_ms)}
            </td>
            <td class="flow-table__end">{flow_end(&flow.source)}</td>
            <td class="flow-table__end flow-table__end--destination">{flow_end(&flow.destination)}</td>
            <td class="flow-table__protocol">
                <button type="button" data-term=format!("protocol = {}", row.protocol)>{protocol}</button>
                " "
                {service.zip(port).map(|(service, port)| view! {
                    <button type="button" class="flow-table__service" data-term=format!("port = {port}")>
                        {service}
                    </button>
                })}
            </td>
            <td class="flow-table__number" title=format!("{} bytes in {}{sampling}", quantity::count(row.bytes), quantity::duration(row.duration_ms))>
                {quantity::bytes(row.bytes.saturating_mul(scale))}
            </td>
            <td
                class="flow-table__number flow-table__packets"
                title=format!("{} packets{sampling}", quantity::count(row.packets))
            >
                {quantity::count(row.packets.saturating_mul(scale))}
            </td>
            <td class="flow-table__direction">
                <button type="button" class=class data-term=format!("direction = {direction}")>{direction}</button>
            </td>
            <td class="flow-table__as">{systems(flow)}</td>
        </tr>
    }
}

fn flow_end(end: &FlowEnd) -> impl IntoView + use<> {
    let port = (end.port > 0).then(|| {
        let title = service_name(end.port);
        view! {
            <span class="flow-table__colon" aria-hidden="true">":"</span>
            <button type="button" class="flow-table__port" title=title data-term=format!("port = {}", end.port)>
                {end.port}
            </button>
        }
    });
    view! {
        <span class="flow-table__address">
            <button type="button" data-term=format!("host = {}", end.address)>{end.address.to_string()}</button>
            {port}
        </span>
        " "
        {place(&end.place)}
    }
}

/// Country and city; a city out of a database is an estimate and has a `~`.
fn place(place: &Place) -> impl IntoView + use<> {
    let code = place.country.map(|code| {
        let name = countries::country(code).map(|country| country.name);
        view! {
            <button type="button" class="flow-table__country" title=name data-term=format!("country = {code}")>
                {code.to_string()}
            </button>
        }
    });
    let (city, title) = match place.precision {
        Precision::City if !place.city.is_empty() => {
            (format!("{}~", place.city), "An estimate of the geolocation database")
        }
        Precision::Home if place.city.is_empty() => ("home".to_owned(), "A home network"),
        Precision::Home => (place.city.clone(), "A home network"),
        Precision::HomeUnset => ("home".to_owned(), "A home network whose place is not set"),
        Precision::Unknown => ("unknown place".to_owned(), "No database knows this address"),
        Precision::City | Precision::Country => (String::new(), "Only the country is known"),
    };
    view! {
        <span class="flow-table__place">
            {code}
            " "
            <span class="flow-table__city" title=title>{city}</span>
        </span>
    }
}

/// The autonomous systems of both ends, where known.
fn systems(flow: &FlowView) -> impl IntoView + use<> {
    let mut ends: Vec<_> =
        [&flow.source, &flow.destination].into_iter().filter(|end| end.as_number > 0).collect();
    ends.dedup_by_key(|end| end.as_number);
    ends.into_iter()
        .map(|end| {
            let name = if end.as_name.is_empty() { format!("AS{}", end.as_number) } else { end.as_name.clone() };
            let title = format!("AS{} {}", end.as_number, end.as_name);
            view! { <button type="button" title=title data-term=format!("as = {}", end.as_number)>{name}</button> " " }
        })
        .collect_view()
}
