#![allow(clippy::all, clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs, reason = "scratch")]
use std::{collections::BTreeMap, io::{Read, Write}, sync::Arc};
use candor_core::{ids::*, time::Timestamp, event::EventType};
use candor_path::*;
use candor_web::*;
struct D;
impl Desk for D {
    fn submit(&self, inputs: Vec<Input>) -> DeskFuture<'_, Vec<Result<Reply, DeskError>>> {
        Box::pin(async move { inputs.iter().map(|_| Ok(Reply::Accepted(Box::new(Accepted{event_type: EventType::TaskCheckpointed, event: None, decision: None, decision_no: None, claim: None, evidence: None, notice: None, duplicate: false})))).collect() })
    }
    fn view(&self, _: ViewRequest) -> DeskFuture<'_, Result<serde_json::Value, DeskError>> { Box::pin(async { Err(DeskError::NotFound) }) }
    fn now(&self) -> Timestamp { Timestamp::from_micros(1_795_420_800_000_000) }
}
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/thread-self/stat").unwrap(); let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect(); (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0 }
fn main() {
    let (tx, rx) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || {
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        rt.block_on(async {
            let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tx.send(l.local_addr().unwrap()).unwrap();
            let t = Tokens { operator: Secret::new("operator-token-0123456789").unwrap(), adapter: Secret::new("adapter-token-0123456789").unwrap(), agents: BTreeMap::new(), require_agent_token: false };
            let app = App::new(Arc::new(D), t, About { role: "up".into(), version: "0".into() }, Bounds::default()).unwrap();
            serve(l, app, async { let _ = stopped.await; }).await.unwrap();
        });
        cpu()
    });
    let addr = rx.recv().unwrap();
    let n = 20_000usize; let conns = 16;
    let t0 = std::time::Instant::now();
    let hs: Vec<_> = (0..conns).map(|c| std::thread::spawn(move || {
        let mut s = std::net::TcpStream::connect(addr).unwrap(); s.set_nodelay(true).unwrap();
        let mut buf = [0u8; 4096];
        for i in 0..n / conns {
            let body = format!(r#"{{"specversion":"1.0","id":"{c}-{i}","source":"/bench/agent","type":"reporting-governance.task.checkpointed","subject":"nightly/{c}","agentid":"a{c}","data":{{}}}}"#);
            let req = format!("POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1:7717\r\ncontent-type: application/cloudevents+json\r\nuser-agent: x\r\naccept: */*\r\ncontent-length: {}\r\n\r\n{}", body.len(), body);
            s.write_all(req.as_bytes()).unwrap();
            let r = s.read(&mut buf).unwrap(); assert!(buf[..r].starts_with(b"HTTP/1.1 200"));
        }
    })).collect();
    for h in hs { h.join().unwrap(); }
    let el = t0.elapsed().as_secs_f64();
    stop.send(()).unwrap();
    let cpu = server.join().unwrap();
    println!("{:.0} req/s wall, server thread cpu {:.1} us/request => {:.0}/s per core", n as f64 / el, cpu * 1e6 / n as f64, n as f64 / cpu);
}
