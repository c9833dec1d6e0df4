//! Our nodes inside DataFusion's serialised plans.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result, not_impl_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use prost::Message;

use crate::concat::ConcatExec;
use crate::fault::Fault;
use crate::inputs::{InputSource, InputsExec, InputsShape, Reading};
use crate::output::{WriteExec, WriteSource};
use crate::payload::{
    self, ConcatMessage, InputsMessage, Node, NodeKind, ScanMessage, SideBySideMessage, WriteMessage,
};
use crate::scan::{ScanExec, ScanFilter, ScanSource, Split};
use crate::side_by_side::SideBySideExec;

/// What a decoded plan reads from; nothing while planning.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanCodec {
    /// The splits of the plan's scan.
    pub splits: Arc<[Split]>,
    /// Where the scan's bytes come from.
    pub scan: Option<Arc<ScanSource>>,
    /// Where inputs come from.
    pub inputs: Option<InputSource>,
    /// Who writes part files.
    pub writer: Option<WriteSource>,
}

impl PhysicalExtensionCodec for PlanCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        children: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let node = Node::decode(bytes).map_err(|error| Fault::Task(error.to_string()))?;
        match (node.kind, children) {
            (Some(NodeKind::Scan(message)), []) => self.decode_scan(message, context, converter),
            (Some(NodeKind::Inputs(message)), []) => self.decode_inputs(message, context, converter),
            (Some(NodeKind::Concat(ConcatMessage {})), [child]) => Ok(Arc::new(ConcatExec::new(Arc::clone(child)))),
            (Some(NodeKind::SideBySide(SideBySideMessage {})), [_, ..]) => {
                Ok(Arc::new(SideBySideExec::try_new(children.to_vec())?))
            }
            (Some(NodeKind::Write(message)), [child]) => {
                let shape = message.into_shape(child.schema().fields().len())?;
                Ok(Arc::new(WriteExec::new(Arc::clone(child), shape, self.writer.clone())))
            }
            (Some(_), _) => Err(Fault::Task("a node has the wrong number of children".into()).into()),
            (None, _) => Err(Fault::Task("it has a node that this build does not know".into()).into()),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let kind = if let Some(scan) = node.downcast_ref::<ScanExec>() {
            let encode = |filter: &ScanFilter| converter.physical_expr_to_proto(&filter.condition, self);
            NodeKind::Scan(ScanMessage::new(scan.shape(), encode)?)
        } else if let Some(inputs) = node.downcast_ref::<InputsExec>() {
            NodeKind::Inputs(self.encode_inputs(inputs.shape(), converter)?)
        } else if let Some(write) = node.downcast_ref::<WriteExec>() {
            NodeKind::Write(WriteMessage::new(write.shape()))
        } else if node.is::<ConcatExec>() {
            NodeKind::Concat(ConcatMessage {})
        } else if node.is::<SideBySideExec>() {
            NodeKind::SideBySide(SideBySideMessage {})
        } else {
            return not_impl_err!("{} cannot be sent to workers", node.name());
        };
        buffer.extend(Node { kind: Some(kind) }.encode_to_vec());
        Ok(())
    }
}

impl PlanCodec {
    fn decode_scan(
        &self,
        message: ScanMessage,
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let decode = datafusion_proto::physical_plan::PhysicalPlanDecodeContext::new(context, self);
        let shape = message.into_shape(|filter, schema| {
            let condition = converter.proto_to_physical_expr(filter, schema, &decode)?;
            Ok(ScanFilter { columns: Vec::new(), condition })
        })?;
        Ok(Arc::new(ScanExec::try_new(shape, Arc::clone(&self.splits), self.scan.clone())?))
    }

    fn decode_inputs(
        &self,
        message: InputsMessage,
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = payload::schema_from(message.schema.as_ref())?;
        let first = payload::length(message.first)?;
        let count = payload::length(message.count)?;
        let end = first.checked_add(count).ok_or_else(|| Fault::Task("its inputs cannot be counted".into()))?;
        let decode = datafusion_proto::physical_plan::PhysicalPlanDecodeContext::new(context, self);
        let order = datafusion_proto::physical_plan::from_proto::parse_physical_sort_exprs(
            &message.order,
            &decode,
            &schema,
            converter,
        )?;
        let constants = message.constants.iter().map(|&column| column as usize).collect();
        let reading = LexOrdering::new(order).map_or(Reading::InOrder, Reading::Sorted);
        let shape = InputsShape { schema, stages: 0..0, inputs: first..end, reading, constants };
        Ok(Arc::new(InputsExec::new(shape, self.inputs.clone())))
    }

    fn encode_inputs(
        &self,
        shape: &InputsShape,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<InputsMessage, DataFusionError> {
        // A task reads one part of divided results, as if they were whole.
        let order = shape.reading.order().into_iter().flatten().cloned();
        Ok(InputsMessage {
            schema: Some(payload::schema_message(&shape.schema)?),
            first: shape.inputs.start as u64,
            count: shape.inputs.len() as u64,
            order: datafusion_proto::physical_plan::to_proto::serialize_physical_sort_exprs(order, self, converter)?,
            constants: shape.constants.iter().map(|&column| column as u32).collect(),
        })
    }
}
