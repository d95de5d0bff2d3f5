//! A gateway on this machine answers a request. Which status it answers with doesn't matter: it lives.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use candor_core::capability::Probe;

use super::{Place, Saw};

/// Longest wait for the connection, and then for the answer.
const WAIT_MAX: Duration = Duration::from_secs(2);

pub(super) fn method(probe: &Probe) -> String {
    format!("GET / at {}", probe.address.map(|at| at.to_string()).unwrap_or_default())
}

pub(super) fn look(probe: &Probe, _: &Place) -> Saw {
    let at = probe.address.ok_or("no address")?;
    let told = |error: std::io::Error| format!("{at} doesn't answer: {error}");
    let mut stream = TcpStream::connect_timeout(&at, WAIT_MAX).map_err(told)?;
    stream.set_read_timeout(Some(WAIT_MAX)).map_err(told)?;
    stream.set_write_timeout(Some(WAIT_MAX)).map_err(told)?;
    // In one piece: who answers and hangs up before the rest came would reset the connection.
    let request = format!("GET / HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(told)?;
    // `HTTP/1.1 200` is enough; what follows is the gateway's own.
    let mut start = [0_u8; 12];
    stream.read_exact(&mut start).map_err(told)?;
    let start = String::from_utf8_lossy(&start);
    if start.starts_with("HTTP/1.") {
        Ok(format!("{at} answers: {start}"))
    } else {
        Err(format!("{at} speaks no HTTP"))
    }
}
