//! Who may do what, and that a wrong token is never taken for none.

use candor_core::evidence::Origin;
use candor_web::{About, App, Bounds, Secret, Tokens, TokensError};
use serde_json::json;

use crate::{
    client::{ADAPTER, AGENT, OPERATOR, Request, Server, tokens},
    desk::FakeDesk,
    events::started,
};

fn report() -> Request {
    Request::event(started("1", "t1").to_string())
}

#[tokio::test]
async fn a_token_decides_the_origin() {
    for (token, origin) in [
        (None, Origin::Agent),
        (Some(AGENT), Origin::Agent),
        (Some(ADAPTER), Origin::Adapter),
        (Some(OPERATOR), Origin::Operator),
    ] {
        let server = Server::start().await;
        let request = token.map_or_else(report, |token| report().bearer(token));
        server.send(&request).await.ok();
        assert_eq!(server.desk.last_report().1, origin);
    }
}

#[tokio::test]
async fn a_wrong_token_is_never_taken_for_none() {
    let server = Server::start().await;
    let (longer, shorter) = (format!("Bearer {OPERATOR}x"), format!("Bearer {}", &OPERATOR[1..]));
    let lower = format!("Bearer {}", OPERATOR.to_uppercase());
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic b3BlcmF0b3I6",
        OPERATOR,
        &longer,
        &shorter,
        &lower,
        "Bearer \u{fc}",
    ] {
        for request in
            [report(), Request::get("/v1/status"), Request::act(r#"{"act": "test"}"#).without("Authorization")]
        {
            let answer = server.send(&request.header("Authorization", value)).await;
            answer.error(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"candor\""));
        }
    }
    let twice = report().bearer(OPERATOR).bearer("wrong-wrong-wrong-wrong");
    server.send(&twice).await.error(401, "unauthorized");
    assert!(server.desk.inputs().is_empty());
}

#[tokio::test]
async fn an_agents_token_fixes_who_it_is() {
    let server = Server::start().await;
    server.send(&report().bearer(AGENT)).await.ok();
    let (event, _) = server.desk.last_report();
    assert_eq!(event.agent.unwrap().as_str(), "agent-a");
    assert_eq!(event.raw["agentid"], "agent-a", "the record names the agent too");

    let named = |agent: &str| {
        let mut event = started("2", "t2");
        event["agentid"] = json!(agent);
        event
    };
    let other = Request::event(named("agent-b").to_string()).bearer(AGENT);
    assert_eq!(server.send(&other).await.error(403, "not_this_agent")["at"], "/agentid");
    let batch = Request::batch(json!([named("agent-b"), named("agent-a")]).to_string()).bearer(AGENT);
    let answer = server.send(&batch).await;
    assert_eq!(answer.status, 207);
    assert_eq!((&answer.json()[0]["status"], &answer.json()[1]["status"]), (&json!(403), &json!(200)));
}

#[tokio::test]
async fn reports_can_be_made_to_need_a_token() {
    let strict = Tokens { require_agent_token: true, ..tokens() };
    let server = Server::with(FakeDesk::new(), strict, Bounds::default()).await;
    server.send(&report()).await.error(401, "unauthorized");
    server.send(&report().bearer(AGENT)).await.ok();
}

#[tokio::test]
async fn acts_are_the_operators_and_views_not_for_agents() {
    let server = Server::start().await;
    let act = || Request::act(r#"{"act": "test"}"#).without("Authorization");
    server.send(&act()).await.error(401, "unauthorized");
    server.send(&act().bearer(AGENT)).await.error(403, "forbidden");
    server.send(&act().bearer(ADAPTER)).await.error(403, "forbidden");
    for path in ["/v1/status", "/v1/tasks", "/v1/notices", "/v1/gates", "/v1/evidence?task=t1"] {
        server.send(&Request::get(path)).await.error(401, "unauthorized");
        server.send(&Request::get(path).bearer(AGENT)).await.error(403, "forbidden");
        server.send(&Request::get(path).bearer(ADAPTER)).await.ok();
        server.send(&Request::get(path).bearer(OPERATOR)).await.ok();
    }
    assert!(server.desk.inputs().is_empty());
}

#[test]
fn weak_and_shared_tokens_are_refused() {
    for bad in ["", "short", "fifteen-bytes-x", "with space with space", "with\nnewline-with-newline", &"x".repeat(257)]
    {
        assert_eq!(Secret::new(bad).unwrap_err(), TokensError::Malformed, "{bad}");
    }
    assert_eq!(format!("{:?}", Secret::new(OPERATOR).unwrap()), "Secret(hidden)");
    let shared = Tokens { adapter: Secret::new(OPERATOR).unwrap(), ..tokens() };
    let about = About { role: "up".to_owned(), version: "0".to_owned() };
    let app = App::new(FakeDesk::new(), shared, about, Bounds::default());
    assert_eq!(app.err(), Some(TokensError::Shared));
}
