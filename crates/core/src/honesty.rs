//! tmp
use crate::{ids::AgentId, outcome::TaskResult};
/// tmp
pub fn score(_: &AgentId, r: &[TaskResult]) -> usize {
    r.len()
}
/// tmp
pub fn learning(_: &AgentId, r: &[TaskResult]) -> usize {
    r.len()
}
/// tmp
pub fn trust(_: &AgentId, r: &[TaskResult]) -> usize {
    r.len()
}
