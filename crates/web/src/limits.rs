//! Limits of the HTTP boundary itself, with their units. Limits on events are in [`candor_core::limits`].

use std::time::Duration;

/// Largest body of an operator's act, in bytes of JSON: an approval package with its evidence.
pub const ACT_BYTES_MAX: usize = 512 * 1024;
/// Largest header section of a request, in bytes. What is longer gets 431 and the connection is closed.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Most that one connection reads ahead, in bytes: pipelined requests beyond it wait in the kernel.
pub const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of a request.
pub const HEADERS_MAX: usize = 64;
/// Shortest bearer token, in bytes: what is shorter can be guessed.
pub const TOKEN_BYTES_MIN: usize = 16;
/// Longest bearer token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 256;
/// Most entries of one page of a list.
pub const PAGE_MAX: usize = 1_000;
/// Entries of a page when the request names no number.
pub const PAGE_DEFAULT: usize = 100;
/// Most batches that are read and written at the same time. Each may hold
/// [`REQUEST_BYTES_MAX`](candor_core::limits::REQUEST_BYTES_MAX) in memory.
pub const BATCHES_IN_FLIGHT_MAX: usize = 16;
/// How much of a body that will be refused is read and dropped, so that the client gets to see the refusal, in bytes.
pub const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most connections at the same time. More wait in the listener's queue.
pub const CONNECTIONS_MAX: usize = 512;
/// Longest time for a request's header section to arrive, also between two requests of one connection.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// Longest time for a request's body to arrive.
pub const BODY_READ_MAX: Duration = Duration::from_secs(10);
/// Longest life of a connection. Then it finishes its request and closes; it bounds a client that never reads its answers.
pub const CONNECTION_LIFE_MAX: Duration = Duration::from_secs(10 * 60);
/// Longest time that requests in flight get to finish when the server stops or a connection has reached its age.
pub const FINISH_MAX: Duration = Duration::from_secs(10);
