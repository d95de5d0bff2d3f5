//! Reports as the command line makes them: the same canonical CloudEvents that come in by HTTP.

use candor_core::{
    event::TYPE_PREFIX,
    ids::{AgentId, CorrelationId, RuntimeName, TaskId},
};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// Who and what a report speaks about, beside its data.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The task.
    pub task: Option<TaskId>,
    /// The agent.
    pub agent: Option<AgentId>,
    /// The runtime.
    pub runtime: Option<RuntimeName>,
    /// The incident or firing.
    pub correlation: Option<CorrelationId>,
    /// The event's id; a random one when none is given.
    pub id: Option<String>,
}

/// Makes a report.
///
/// # Errors
/// When the system gives no random bytes for its id.
pub fn event(event_type: &str, envelope: &Envelope, data: Value) -> Result<Value, Failure> {
    let id = match &envelope.id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        "source": "/candor/cli",
        "type": format!("{TYPE_PREFIX}{event_type}"),
        "datacontenttype": "application/json",
        "data": data,
    });
    if let Value::Object(fields) = &mut event {
        let optional = [
            ("subject", envelope.task.as_ref().map(ToString::to_string)),
            ("agentid", envelope.agent.as_ref().map(ToString::to_string)),
            ("runtime", envelope.runtime.as_ref().map(ToString::to_string)),
            ("correlationid", envelope.correlation.as_ref().map(ToString::to_string)),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                fields.insert(key.to_owned(), Value::String(value));
            }
        }
    }
    Ok(event)
}

fn random_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Internal, format!("the system gives no random bytes: {error}")))?;
    Ok(candor_audit::hex(&bytes))
}

/// Leaves out what isn't there: an absent field and a null one mean the same, and the shorter one is kept.
#[must_use]
pub fn data(fields: Value) -> Value {
    match fields {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
