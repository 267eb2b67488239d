//! How to get flows: the commands that make softflowd, pmacct or a router export to this Meridian.

use leptos::prelude::*;

use super::copyable::Copyable;
use crate::browser::page;
use crate::model::status::{Listener, Transport};

/// The port that most exporters of NetFlow use by default, and Meridian too.
const NETFLOW_PORT: u16 = 2055;
/// The port of IPFIX.
const IPFIX_PORT: u16 = 4739;
/// The port of sFlow.
const SFLOW_PORT: u16 = 6343;

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

/// The port of a transport, `wanted` if there is one with it, else the first.
fn port(listeners: Signal<Vec<Listener>>, transport: Transport, wanted: u16) -> Memo<Option<u16>> {
    Memo::new(move |_| {
        listeners.with(|listeners| {
            let own = listeners.iter().filter(|listener| listener.transport == transport);
            let ports: Vec<_> = own.map(|listener| listener.address.port()).collect();
            ports.iter().copied().find(|port| *port == wanted).or_else(|| ports.first().copied())
        })
    })
}

/// The two shortest ways to some flows.
#[component]
pub fn QuickStart(
    /// The sockets that wait for export datagrams.
    listeners: Signal<Vec<Listener>>,
) -> impl IntoView {
    let host = host();
    let port = port(listeners, Transport::Udp, NETFLOW_PORT);
    let softflowd =
        move || format!("softflowd -i eth0 -v 9 -n {}:{}", host.get(), port.get().unwrap_or(NETFLOW_PORT));
    view! {
        <p>"No export datagrams arrive. Send some from a host that sees traffic:"</p>
        <Copyable text=Signal::derive(softflowd)/>
        <p>"Or look around with synthetic traffic:"</p>
        <Copyable text="meridian run --demo"/>
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
    let netflow = port(listeners, Transport::Udp, NETFLOW_PORT);
    let sflow = port(listeners, Transport::Udp, SFLOW_PORT);
    let tcp = port(listeners, Transport::Tcp, IPFIX_PORT);
    let text_for = move |port: Memo<Option<u16>>, usual: u16, of: fn(&str, u16) -> String| {
        Signal::derive(move || of(&host.get(), port.get().unwrap_or(usual)))
    };
    let text = move |of: fn(&str, u16) -> String| text_for(netflow, NETFLOW_PORT, of);
    let sampled = move |of: fn(&str, u16) -> String| text_for(sflow, SFLOW_PORT, of);
    view! {
        <section class="setup-guide panel" aria-labelledby="setup-guide-title">
            <h2 id="setup-guide-title" class="panel__title">"Point an exporter at Meridian"</h2>
            <p>
                "NetFlow v1, v5, v7, v9, IPFIX and sFlow v5 are recognised by themselves on every UDP port; IPFIX also "
                "comes over TCP and TLS. Sampled traffic is scaled by the interval that its exporter states."
            </p>
            <div class="setup-guide__ways">
                <div><h3>"softflowd (Linux, BSD)"</h3><Copyable text=text(softflowd)/></div>
                <div><h3>"pmacct (nfprobe)"</h3><Copyable text=text(pmacct)/></div>
                <div><h3>"sFlow: hsflowd (Linux)"</h3><Copyable text=sampled(hsflowd)/></div>
                <div><h3>"sFlow: pmacct (sfprobe)"</h3><Copyable text=sampled(sfprobe)/></div>
                <div>
                    <h3>"IPFIX over TCP: softflowd"</h3>
                    <Copyable text=text_for(tcp, IPFIX_PORT, ipfix_over_tcp)/>
                    <Show when=move || tcp.get().is_none()>
                        <p class="panel__hint">"No TCP port listens now: set listen.tcp in meridian.toml."</p>
                    </Show>
                </div>
                <div><h3>"MikroTik RouterOS 7"</h3><Copyable text=text(mikrotik)/></div>
                <div><h3>"Cisco IOS / IOS XE"</h3><Copyable text=text(cisco)/></div>
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
        "# /etc/pmacct/pmacctd.conf\ndaemonize: true\npcap_interface: eth0\naggregate: src_host, dst_host, src_port, dst_port, proto, tos\n\
         plugins: nfprobe\nnfprobe_receiver: {host}:{port}\nnfprobe_version: 9"
    )
}

fn hsflowd(host: &str, port: u16) -> String {
    format!(
        "# /etc/hsflowd.conf\nsflow {{\n  agent = eth0\n  sampling = 1000\n  \
         collector {{ ip = {host} udpport = {port} }}\n  pcap {{ dev = eth0 }}\n}}"
    )
}

fn sfprobe(host: &str, port: u16) -> String {
    format!(
        "# /etc/pmacct/pmacctd.conf\ndaemonize: true\npcap_interface: eth0\nplugins: sfprobe\n\
         sfprobe_receiver: {host}:{port}\nsampling_rate: 100"
    )
}

fn ipfix_over_tcp(host: &str, port: u16) -> String {
    format!("softflowd -i eth0 -v 10 -P tcp -n {host}:{port}")
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
