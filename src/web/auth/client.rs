//! Where a request comes from: the connection's other end, or what a trusted proxy says of it.

use crate::model::{Ip, Prefix};
use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// Who sent a request, as far as connections tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it came encrypted, here or to the proxy.
    pub https: bool,
}

impl Client {
    /// The nearest address that no trusted proxy has: whatever stands left of it anybody could have written.
    pub fn of(peer: SocketAddr, headers: &HeaderMap, proxies: &[Prefix], tls: bool) -> Self {
        let trusted = |address: IpAddr| {
            let address = Ip::from(address.to_canonical());
            proxies.iter().any(|proxy| proxy.contains(address))
        };
        let peer = peer.ip().to_canonical();
        if !trusted(peer) {
            return Self {
                address: peer,
                https: tls,
            };
        }
        let mut address = peer;
        for hop in forwarded(headers).into_iter().rev() {
            let Some(hop) = hop else { break };
            address = hop;
            if !trusted(hop) {
                break;
            }
        }
        let proto = headers
            .get("x-forwarded-proto")
            .and_then(|proto| proto.to_str().ok());
        Self {
            address,
            https: tls || proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
        }
    }
}

/// The addresses of `X-Forwarded-For`, in their order; nothing for what is no address.
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all("x-forwarded-for").iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(','))
        .map(|hop| hop.trim().parse().ok().map(|ip: IpAddr| ip.to_canonical()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &str, proto: &str, proxies: &[&str]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        if !forwarded.is_empty() {
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            headers.insert("x-forwarded-proto", proto.parse().unwrap());
        }
        let proxies: Vec<Prefix> = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
        let client = Client::of(peer.parse().unwrap(), &headers, &proxies, false);
        (client.address.to_string(), client.https)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_as_far_as_it_knows() {
        let said = |ip: &str, https| (ip.to_owned(), https);
        assert_eq!(
            of("192.0.2.1:9", "10.9.9.9", "https", &[]),
            said("192.0.2.1", false)
        );
        let proxy = ["10.0.0.0/8"];
        assert_eq!(
            of("10.0.0.1:9", "203.0.113.7", "https", &proxy),
            said("203.0.113.7", true)
        );
        // What the client itself wrote stands before what the proxies wrote.
        assert_eq!(
            of("10.0.0.1:9", "1.1.1.1, 203.0.113.7, 10.0.0.2", "http", &proxy),
            said("203.0.113.7", false)
        );
        assert_eq!(
            of("10.0.0.1:9", "nonsense", "https", &proxy),
            said("10.0.0.1", true)
        );
        assert_eq!(
            of("[::ffff:10.0.0.1]:9", "203.0.113.7", "https", &proxy),
            said("203.0.113.7", true)
        );
    }
}
