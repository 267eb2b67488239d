//! Which names this server answers to.
//!
//! A hostile page can let its own name point at this machine (DNS rebinding), and would then be of the same origin as
//! our pages. So a request has to name an address, `localhost`, this machine, or a host of the configuration.

use std::fs;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The names, in lower case.
#[derive(Clone, Debug)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// The configured names, and this machine's own.
    pub fn new(configured: &[String]) -> Self {
        let own = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let own = own.trim().to_ascii_lowercase();
        let own = [own.clone(), format!("{own}.local")]
            .into_iter()
            .filter(|name| !name.starts_with('.') && !name.is_empty());
        Self(configured.iter().map(|name| name.to_ascii_lowercase()).chain(own).collect())
    }

    /// True for the host part of a `Host` header that this server answers to.
    fn answer_to(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.0.contains(&host)
    }
}

/// Answers 421 to a request that names another host.
pub async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| request.uri().host()).map(without_port);
    match host {
        Some(host) if hosts.answer_to(host) => next.run(request).await,
        _ => (
            StatusCode::MISDIRECTED_REQUEST,
            "This server does not answer to that name. If the name is its own, add it to `hosts` in the section [http] of \
             meridian.toml.\n",
        )
            .into_response(),
    }
}

/// `host` of `host:port`; an IPv6 address keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_configured_names_are_answered_and_no_others() {
        let hosts = Hosts::new(&["Flows.example.org".to_owned()]);
        for host in [
            "127.0.0.1:3000",
            "[::1]:3000",
            "[::1]",
            "192.0.2.7",
            "localhost:3000",
            "flows.example.org",
            "FLOWS.example.org:443",
        ] {
            assert!(hosts.answer_to(without_port(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3000",
            "flows.example.org.evil.example",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert!(!hosts.answer_to(without_port(host)), "{host}");
        }
    }
}
