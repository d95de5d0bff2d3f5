//! JSON Schemas of what Candor reads and records, made from the types: `cargo xtask schemas` writes them to `schemas/`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{
    artifact::{EventRecord, NoticeRecord, ReceiptRecord},
    capability::Descriptor,
    claim::ClaimKind,
    decision::Decision,
    event::{
        ApprovalRequested, Blocked, Checkpoint, ClaimMade, Completed, EVENT_TYPES, EventType, EvidenceAdded, Failed,
        NoticeRequested, Recovered, Silence, Started, TYPE_PREFIX, ToolFinished, ToolStarted, Unblocked, Waiting,
    },
    evidence::Evidence,
    ids::{
        AgentId, ApprovalNo, ClaimNo, CorrelationId, DecisionNo, EventNo, EvidenceNo, IncidentNo, NoticeNo, OpeningNo,
        PlanId, ReceiptNo, RequestNo, RuntimeName, TargetName, TaskId,
    },
    limits::{ID_BYTES_MAX, LINE_BYTES_MAX},
    pack::Pack,
    package::{Manifest, Version},
    profile::Profile,
    time::Timestamp,
};

/// Every schema of this crate, by the name of its file.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("capability-descriptor", schema_for!(Descriptor)),
        ("decision", written::<Decision>()),
        ("deployment-profile", schema_for!(Profile)),
        ("event", schema_for!(CloudEvent)),
        ("event-record", schema_for!(EventRecord)),
        ("evidence", written::<Evidence>()),
        ("notice", written::<NoticeRecord>()),
        ("package-manifest", schema_for!(Manifest)),
        ("policy-pack", schema_for!(Pack)),
        ("receipt", written::<ReceiptRecord>()),
    ]
}

/// The schema of what Candor writes: it leaves no field out that may be empty.
#[must_use]
pub fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<T>()
}

macro_rules! texts {
    ($($kind:ty: $name:literal, $pattern:expr, $max:expr;)+) => {$(
        impl JsonSchema for $kind {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "maxLength": $max })
            }
        }
    )+};
}

/// A name that a person gives.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$";
/// Longest number with its prefix, in characters.
const NUMBER_MAX: usize = 22;

fn number(prefix: &str) -> String {
    format!("^{prefix}-[0-9]+$")
}

texts! {
    TaskId: "TaskId", NAME, ID_BYTES_MAX;
    AgentId: "AgentId", NAME, ID_BYTES_MAX;
    CorrelationId: "CorrelationId", NAME, ID_BYTES_MAX;
    TargetName: "TargetName", NAME, ID_BYTES_MAX;
    RuntimeName: "RuntimeName", NAME, ID_BYTES_MAX;
    EventNo: "EventNo", number(EventNo::PREFIX), NUMBER_MAX;
    DecisionNo: "DecisionNo", number(DecisionNo::PREFIX), NUMBER_MAX;
    ClaimNo: "ClaimNo", number(ClaimNo::PREFIX), NUMBER_MAX;
    EvidenceNo: "EvidenceNo", number(EvidenceNo::PREFIX), NUMBER_MAX;
    IncidentNo: "IncidentNo", number(IncidentNo::PREFIX), NUMBER_MAX;
    NoticeNo: "NoticeNo", number(NoticeNo::PREFIX), NUMBER_MAX;
    ReceiptNo: "ReceiptNo", number(ReceiptNo::PREFIX), NUMBER_MAX;
    OpeningNo: "OpeningNo", number(OpeningNo::PREFIX), NUMBER_MAX;
    ApprovalNo: "ApprovalNo", number(ApprovalNo::PREFIX), NUMBER_MAX;
    RequestNo: "RequestNo", number(RequestNo::PREFIX), NUMBER_MAX;
    PlanId: "PlanId", NAME, ID_BYTES_MAX;
    ClaimKind: "ClaimKind", "^[a-z][a-z0-9_]*$", 64;
    Version: "Version", "^[0-9]+\\.[0-9]+\\.[0-9]+(-[A-Za-z0-9]([A-Za-z0-9.]*[A-Za-z0-9])?)?$", 64;
    Timestamp: "Timestamp", "^-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$", 34;
}

/// A CloudEvents 1.0 event as Candor takes it in.
#[derive(Clone, Copy, Debug)]
pub struct CloudEvent;

impl JsonSchema for CloudEvent {
    fn schema_name() -> Cow<'static, str> {
        "CloudEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let types: Vec<String> = EVENT_TYPES.iter().map(|of| format!("{TYPE_PREFIX}{}", of.as_str())).collect();
        let data: Vec<Value> = EVENT_TYPES.iter().map(|of| of_type(generator, *of)).collect();
        let text = |max: usize| json!({ "type": "string", "minLength": 1, "maxLength": max });
        let name = |generator: &mut SchemaGenerator| generator.subschema_for::<TaskId>();
        let mut properties: Map<String, Value> = ["datacontenttype", "dataschema", "traceparent", "tracestate"]
            .map(|of| (of.to_owned(), json!({ "type": "string" })))
            .into_iter()
            .collect();
        for field in ["subject", "taskid", "correlationid", "agentid", "runtime"] {
            properties.insert(field.to_owned(), name(generator).to_value());
        }
        properties.extend([
            ("specversion".to_owned(), json!({ "const": "1.0" })),
            ("id".to_owned(), text(ID_BYTES_MAX)),
            ("source".to_owned(), text(LINE_BYTES_MAX)),
            ("type".to_owned(), json!({ "enum": types })),
            ("time".to_owned(), json!({ "type": "string", "format": "date-time" })),
            // What it may be depends on the type; see below.
            ("data".to_owned(), json!(true)),
        ]);
        json_schema!({
            "description": "A CloudEvents 1.0 event: a report about a task, or what Candor itself concluded.",
            "type": "object",
            "properties": properties,
            "required": ["specversion", "id", "source", "type"],
            "additionalProperties": false,
            "allOf": data,
        })
    }
}

/// What an event of this type must have beside the attributes of all.
fn of_type(generator: &mut SchemaGenerator, of: EventType) -> Value {
    let (data, optional) = data(generator, of);
    let mut required = Vec::new();
    if !optional {
        required.push("data");
    }
    let mut then = json!({ "properties": { "data": data }, "required": required });
    if of.needs_task()
        && let Some(then) = then.as_object_mut()
    {
        then.insert("anyOf".to_owned(), json!([{ "required": ["subject"] }, { "required": ["taskid"] }]));
    }
    json!({
        "if": { "properties": { "type": { "const": format!("{TYPE_PREFIX}{}", of.as_str()) } } },
        "then": then,
    })
}

/// The schema of an event type's `data`, and whether it may be left out.
fn data(generator: &mut SchemaGenerator, of: EventType) -> (Value, bool) {
    fn of_data<T: JsonSchema + DeserializeOwned>(generator: &mut SchemaGenerator) -> (Value, bool) {
        let nothing = serde_json::from_value::<T>(json!({}));
        (generator.subschema_for::<T>().to_value(), nothing.is_ok())
    }
    match of {
        EventType::TaskStarted => of_data::<Started>(generator),
        EventType::TaskCheckpointed => of_data::<Checkpoint>(generator),
        EventType::TaskWaiting => of_data::<Waiting>(generator),
        EventType::TaskBlocked => of_data::<Blocked>(generator),
        EventType::TaskUnblocked => of_data::<Unblocked>(generator),
        EventType::TaskCompleted => of_data::<Completed>(generator),
        EventType::TaskFailed => of_data::<Failed>(generator),
        EventType::ToolStarted => of_data::<ToolStarted>(generator),
        EventType::ToolFinished => of_data::<ToolFinished>(generator),
        EventType::ClaimMade => of_data::<ClaimMade>(generator),
        EventType::EvidenceAdded => of_data::<EvidenceAdded>(generator),
        EventType::ApprovalRequested => of_data::<ApprovalRequested>(generator),
        EventType::NoticeRequested => of_data::<NoticeRequested>(generator),
        EventType::TaskMissed | EventType::TaskSlow | EventType::TaskEscalated => of_data::<Silence>(generator),
        EventType::TaskRecovered => of_data::<Recovered>(generator),
    }
}
