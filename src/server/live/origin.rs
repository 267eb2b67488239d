//! Which web pages may open a stream. A browser sends cookies and reaches private networks on behalf of
//! any page, and WebSocket has no same-origin rule of its own: so the server checks.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// True when a connection may be opened: no browser is behind it (no `Origin`), the page comes from the
/// host that is asked, whatever its scheme, or its origin is in the list.
pub(super) fn is_allowed(headers: &HeaderMap, allowed_origins: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    if origins.next().is_some() {
        return false;
    }
    let Ok(origin) = origin.to_str() else { return false };
    if allowed_origins.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let (default_port, authority) = match origin.split_once("://") {
        Some((scheme, authority)) if scheme.eq_ignore_ascii_case("http") => (":80", authority),
        Some((scheme, authority)) if scheme.eq_ignore_ascii_case("https") => (":443", authority),
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    host.is_some_and(|host| !host.is_empty() && bare(host) == bare(authority))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn allowed(headers: &[(HeaderName, &'static str)]) -> bool {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        is_allowed(&headers, &["https://noc.example.org/".to_owned()])
    }

    #[test]
    fn only_the_same_host_a_listed_origin_and_no_browser_at_all_are_allowed() {
        assert!(allowed(&[(HOST, "atlas.lan:3000")]));
        assert!(allowed(&[(HOST, "atlas.lan:3000"), (ORIGIN, "http://Atlas.lan:3000")]));
        assert!(allowed(&[(HOST, "atlas.lan"), (ORIGIN, "https://atlas.lan")]));
        assert!(allowed(&[(HOST, "atlas.lan"), (ORIGIN, "https://atlas.lan:443")]));
        assert!(allowed(&[(HOST, "[::1]:3000"), (ORIGIN, "http://[::1]:3000")]));
        assert!(allowed(&[(HOST, "inside"), (ORIGIN, "https://noc.example.org")]));

        assert!(!allowed(&[(HOST, "atlas.lan:3000"), (ORIGIN, "http://atlas.lan:3001")]));
        assert!(!allowed(&[(HOST, "atlas.lan:3000"), (ORIGIN, "http://evil.example")]));
        assert!(!allowed(&[(HOST, "atlas.lan"), (ORIGIN, "http://atlas.lan.evil.example")]));
        assert!(!allowed(&[(HOST, "atlas.lan"), (ORIGIN, "null")]));
        assert!(!allowed(&[(HOST, "atlas.lan"), (ORIGIN, "file://atlas.lan")]));
        assert!(!allowed(&[(ORIGIN, "http://atlas.lan")]));
        assert!(!allowed(&[(HOST, ""), (ORIGIN, "http://")]));
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a"));
        headers.append(ORIGIN, HeaderValue::from_static("http://a"));
        headers.append(ORIGIN, HeaderValue::from_static("http://evil.example"));
        assert!(!is_allowed(&headers, &[]));
    }
}
