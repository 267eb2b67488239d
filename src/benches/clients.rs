//! Clients of the live stream, in a process of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use futures_util::{SinkExt, StreamExt};
use meridian::model::frame::{Message, POSTCARD_SUBPROTOCOL, Request, Subscription};
use meridian::server::live::LatencyHistogram;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::program::Outcome;

/// The clients' process: connects all, says so, reads until the server stops, prints the latencies.
pub async fn watch(address: SocketAddr, clients: usize, filters: usize) -> Outcome<()> {
    let latency = Arc::new(LatencyHistogram::default());
    let mut reading = Vec::new();
    for number in 0..clients {
        let mut request = format!("ws://{address}/api/v1/stream").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", POSTCARD_SUBPROTOCOL.parse()?);
        let (mut socket, _) = connect_async(request).await?;
        let filter = match number % filters {
            0 => String::new(),
            other => format!("not port = {other}"),
        };
        let request = Request::Subscribe(Subscription { filter, ..Subscription::default() });
        socket.send(tungstenite::Message::binary(postcard::to_allocvec(&request)?)).await?;
        let latency = Arc::clone(&latency);
        reading.push(tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let tungstenite::Message::Binary(bytes) = message else { continue };
                if let Ok(Message::Frame(frame)) = postcard::from_bytes(&bytes) {
                    latency.record(now_us() - frame.oldest_received_us);
                }
            }
        }));
    }
    println!("connected");
    for reader in reading {
        reader.await?;
    }
    let (p50, p99) = quantiles(&latency);
    println!("{p50:>10} {p99:>9}");
    Ok(())
}

fn quantiles(latency: &LatencyHistogram) -> (u32, u32) {
    (latency.quantile_us(50).unwrap_or(0), latency.quantile_us(99).unwrap_or(0))
}

pub fn now_us() -> i64 {
    UNIX_EPOCH.elapsed().ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}
