//! The sockets that wait for export messages.

use leptos::prelude::*;

use super::share_bar::ShareBar;
use crate::model::quantity;
use crate::model::status::{Listener, Transport};

/// One row a socket: what came, what the kernel dropped, and how full its receive buffer is.
#[component]
pub fn ListenerTable(
    /// The sockets.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    let length = Memo::new(move |_| listeners.with(Vec::len));
    let has = move |is_wanted: fn(&Listener) -> bool| {
        Memo::new(move |_| listeners.with(|listeners| listeners.iter().any(is_wanted)))
    };
    let has_datagrams = has(|listener| !is_connected(listener));
    let has_connections = has(is_connected);
    let has_drops = has(|listener| listener.kernel_drops > 0);
    view! {
        <section class="panel" aria-labelledby="listeners-title">
            <h2 id="listeners-title" class="panel__title">"Listening sockets"</h2>
            <Show when=move || length.get() == 0>
                <p class="panel__empty">"No socket listens for export messages."</p>
            </Show>
            <div class="table-scroll">
                <table class="data-table data-table--stacked">
                    <caption class="visually-hidden">"Listening sockets and their receive buffers"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Socket"</th>
                            <th scope="col" class="data-table__number">"Received"</th>
                            <th scope="col" class="data-table__number">"Connections"</th>
                            <th scope="col" class="data-table__number">"Dropped by the kernel"</th>
                            <th scope="col" class="data-table__number">"Receive buffer in use"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || 0..length.get() key=|position| *position let:position>
                            <ListenerRow listener=Memo::new(move |_| {
                                listeners.with(|listeners| listeners.get(position).cloned())
                            })/>
                        </For>
                    </tbody>
                </table>
            </div>
            <Show when=move || has_drops.get()>
                <p class="panel__hint">
                    "The kernel drops datagrams when a receive buffer is full: raise net.core.rmem_max, or run Meridian with CAP_NET_ADMIN."
                </p>
            </Show>
            <Show when=move || has_datagrams.get()>
                <p class="panel__hint">"Buffers are counted in kernel memory, about twice what the datagrams hold."</p>
            </Show>
            <Show when=move || has_connections.get()>
                <p class="panel__hint">"TCP and TLS take IPFIX only. They drop nothing: a connection slows its exporter down."</p>
            </Show>
        </section>
    }
    .into_any()
}

#[component]
fn ListenerRow(listener: Memo<Option<Listener>>) -> impl IntoView {
    let part = move |of: fn(&Listener) -> String| {
        move || listener.with(|listener| listener.as_ref().map(of).unwrap_or_default())
    };
    let share = Signal::derive(move || {
        listener.with(|listener| {
            listener.as_ref().map_or(0, |listener| {
                quantity::per_mille(listener.receive_buffer_used_bytes, listener.receive_buffer_bytes)
            })
        })
    });
    let has_connections =
        Memo::new(move |_| listener.with(|listener| listener.as_ref().is_some_and(is_connected)));
    let of_connections = move || cell(has_connections.get(), "");
    let of_datagrams = move || cell(!has_connections.get(), "");
    let drops = move || {
        let has_drops =
            listener.with(|listener| listener.as_ref().is_some_and(|listener| listener.kernel_drops > 0));
        cell(!has_connections.get(), if has_drops { " data-table__number--bad" } else { "" })
    };
    view! {
        <tr>
            <th scope="row">
                <span class="tag tag--first">{part(|listener| listener.transport.label().to_uppercase())}</span>
                " "
                <code>{part(|listener| listener.address.to_string())}</code>
            </th>
            <td class="data-table__number" data-label="Received">{part(received)}</td>
            <td class=of_connections data-label="Connections open">
                {part(|listener| known(is_connected(listener), quantity::count(listener.connections)))}
            </td>
            <td class=drops data-label="Dropped by the kernel">
                {part(|listener| known(!is_connected(listener), quantity::count(listener.kernel_drops)))}
            </td>
            <td class=of_datagrams data-label="Receive buffer in use">
                {part(|listener| known(!is_connected(listener), format!(
                    "{} of {}",
                    quantity::bytes(listener.receive_buffer_used_bytes),
                    quantity::bytes(listener.receive_buffer_bytes),
                )))}
                <Show when=move || !has_connections.get()><ShareBar share/></Show>
            </td>
        </tr>
    }
}

fn is_connected(listener: &Listener) -> bool {
    listener.transport != Transport::Udp
}

fn received(listener: &Listener) -> String {
    let unit = if is_connected(listener) { "message" } else { "datagram" };
    quantity::counted(listener.datagrams, unit)
}

/// A figure where there is one.
fn known(is_known: bool, figure: String) -> String {
    if is_known { figure } else { "–".to_owned() }
}

/// The classes of a cell of figures.
fn cell(is_known: bool, more: &str) -> String {
    let none = if is_known { "" } else { " data-table__none" };
    format!("data-table__number{none}{more}")
}
