//! How to get flows: the commands that make softflowd, pmacct or a router export to this Meridian.

use leptos::prelude::*;

use crate::browser::page;
use crate::model::status::Listener;

/// The port that most exporters use by default, and Meridian too.
const DEFAULT_PORT: u16 = 2055;

/// Name of this host as the browser knows it; until then a word to replace.
fn host() -> RwSignal<String> {
    let host = RwSignal::new("meridian-host".to_owned());
    Effect::new(move |_| {
        if let Some(name) = page::host() {
            host.set(if name == "localhost" { "127.0.0.1".to_owned() } else { name });
        }
    });
    host
}

fn port(listeners: Signal<Vec<Listener>>) -> Memo<u16> {
    Memo::new(move |_| {
        listeners.with(|listeners| listeners.first().map_or(DEFAULT_PORT, |listener| listener.address.port()))
    })
}

/// Text to copy: one click selects all of it.
#[component]
fn Command(
    /// What to type.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    view! { <pre class="command" tabindex="0"><code>{text}</code></pre> }
}

/// The two shortest ways to some flows.
#[component]
pub fn QuickStart(
    /// The sockets that wait for export datagrams.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    let host = host();
    let port = port(listeners);
    let softflowd = move || format!("softflowd -i eth0 -v 9 -n {}:{}", host.get(), port.get());
    view! {
        <p>"No export datagrams arrive. Send some from a host that sees traffic:"</p>
        <Command text=Signal::derive(softflowd)/>
        <p>"Or look around with synthetic traffic:"</p>
        <Command text="meridian run --demo"/>
    }
    .into_any()
}

/// How to point routers and probes at this Meridian.
#[component]
pub fn SetupGuide(
    /// The sockets that wait for export datagrams.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    let host = host();
    let port = port(listeners);
    let text = move |of: fn(&str, u16) -> String| Signal::derive(move || of(&host.get(), port.get()));
    view! {
        <section class="setup-guide panel" aria-labelledby="setup-guide-title">
            <h2 id="setup-guide-title" class="panel__title">"Point an exporter at Meridian"</h2>
            <p>
                "NetFlow v1, v5, v7, v9, IPFIX and sFlow v5 are recognised by themselves on every listening port. "
                "Sampling is not scaled up yet: export unsampled where you can."
            </p>
            <div class="setup-guide__ways">
                <div><h3>"softflowd (Linux, BSD)"</h3><Command text=text(softflowd)/></div>
                <div><h3>"pmacct (nfprobe)"</h3><Command text=text(pmacct)/></div>
                <div><h3>"MikroTik RouterOS 7"</h3><Command text=text(mikrotik)/></div>
                <div><h3>"Cisco IOS / IOS XE"</h3><Command text=text(cisco)/></div>
            </div>
        </section>
    }
    .into_any()
}

fn softflowd(host: &str, port: u16) -> String {
    format!("softflowd -i eth0 -v 9 -n {host}:{port}\nsoftflowd -r capture.pcap -v 10 -n {host}:{port}")
}

fn pmacct(host: &str, port: u16) -> String {
    format!(
        "daemonize: true\npcap_interface: eth0\naggregate: src_host, dst_host, src_port, dst_port, proto, tos\n\
         plugins: nfprobe\nnfprobe_receiver: {host}:{port}\nnfprobe_version: 9"
    )
}

fn mikrotik(host: &str, port: u16) -> String {
    format!(
        "/ip traffic-flow set enabled=yes interfaces=all\n\
         /ip traffic-flow target add dst-address={host} port={port} version=9"
    )
}

fn cisco(host: &str, port: u16) -> String {
    format!(
        "flow exporter MERIDIAN\n destination {host}\n transport udp {port}\n export-protocol netflow-v9\n\
         flow monitor MERIDIAN\n exporter MERIDIAN\n record netflow ipv4 original-input\n\
         interface GigabitEthernet0/0\n ip flow monitor MERIDIAN input"
    )
}
