//! The sockets that wait for export datagrams.

use leptos::prelude::*;

use super::share_bar::ShareBar;
use crate::model::quantity;
use crate::model::status::{Listener, Transport};

/// One row a socket, with its receive buffer and what the kernel dropped.
#[component]
pub fn ListenerTable(
    /// The sockets.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    let length = Memo::new(move |_| listeners.with(Vec::len));
    view! {
        <section class="panel" aria-labelledby="listeners-title">
            <h2 id="listeners-title" class="panel__title">"Listening sockets"</h2>
            <Show when=move || length.get() == 0>
                <p class="panel__empty">"No socket listens for export datagrams."</p>
            </Show>
            <div class="table-scroll">
                <table class="data-table">
                    <caption class="visually-hidden">"Listening sockets and their receive buffers"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Address"</th>
                            <th scope="col" class="data-table__number">"Connections"</th>
                            <th scope="col" class="data-table__number">"Datagrams or messages"</th>
                            <th scope="col" class="data-table__number">"Kernel drops"</th>
                            <th scope="col" class="data-table__number">"Buffer"</th>
                            <th scope="col" class="data-table__number">"In use"</th>
                            <th scope="col"><span class="visually-hidden">"Share of the buffer in use"</span></th>
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
            <p class="panel__hint">
                "Buffers are counted in kernel memory, about twice the payload; connections slow their exporters instead of dropping. "
                "When the kernel drops datagrams, raise net.core.rmem_max."
            </p>
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
    let drops_class = move || {
        let has_drops =
            listener.with(|listener| listener.as_ref().is_some_and(|listener| listener.kernel_drops > 0));
        if has_drops { "data-table__number data-table__number--bad" } else { "data-table__number" }
    };
    view! {
        <tr>
            <th scope="row"><code>{part(|listener| format!("{} {}", listener.transport.label(), listener.address))}</code></th>
            <td class="data-table__number">{part(|listener| of_connections(listener, quantity::count(listener.connections)))}</td>
            <td class="data-table__number">{part(|listener| quantity::count(listener.datagrams))}</td>
            <td class=drops_class>{part(|listener| of_datagrams(listener, quantity::count(listener.kernel_drops)))}</td>
            <td class="data-table__number">{part(|listener| of_datagrams(listener, quantity::bytes(listener.receive_buffer_bytes)))}</td>
            <td class="data-table__number">{part(|listener| of_datagrams(listener, quantity::bytes(listener.receive_buffer_used_bytes)))}</td>
            <td class="data-table__bar"><ShareBar share/></td>
        </tr>
    }
}

/// A figure that only connections have.
fn of_connections(listener: &Listener, figure: String) -> String {
    if listener.transport == Transport::Udp { "–".to_owned() } else { figure }
}

/// A figure that only datagrams have.
fn of_datagrams(listener: &Listener, figure: String) -> String {
    if listener.transport == Transport::Udp { figure } else { "–".to_owned() }
}
