//! The OTLP messages, declared once. `walk` expands this list into code specialised by message, `rewrite` reads it
//! as a table.
//!
//! Shapes of a field:
//!
//! - `varint`, `fixed64`, `fixed32`, `string`, `bytes`, `id(length)`: singular scalars
//! - `one(M)`: a singular message; `leading(M)`: one that canonical form has before field 2, the children
//! - `many(M)`, `strings`: repeated
//! - `attributes`: repeated `KeyValue`, each of which can be cut alone; `body`: an `AnyValue` that can be cut alone
//! - `packed(scalar)` and, on a line of its own, `unpacked(scalar)`: the two encodings of a repeated scalar
//! - `oneof(shape)`: a member of the message's only oneof
//!
//! An `item` is what is counted and, if an id in it is bad, rejected. A `level` of `AnyValue` counts for depth.
//! A `pair` is what most of a request consists of, and has a way of its own through the walk.

/// Calls `$define!` with every message of the three stable signals.
macro_rules! schema {
    ($define:ident) => {
        $define! {
            envelope ExportTraceServiceRequest { resource_spans = 1: many(ResourceSpans); }
            envelope ResourceSpans {
                resource = 1: leading(Resource);
                scope_spans = 2: many(ScopeSpans);
                schema_url = 3: string;
            }
            envelope ScopeSpans {
                scope = 1: leading(InstrumentationScope);
                spans = 2: many(Span);
                schema_url = 3: string;
            }
            item Span {
                trace_id = 1: id(16);
                span_id = 2: id(8);
                trace_state = 3: string;
                parent_span_id = 4: id(8);
                name = 5: string;
                kind = 6: varint;
                start_time_unix_nano = 7: fixed64;
                end_time_unix_nano = 8: fixed64;
                attributes = 9: attributes;
                dropped_attributes_count = 10: varint;
                events = 11: many(Event);
                dropped_events_count = 12: varint;
                links = 13: many(Link);
                dropped_links_count = 14: varint;
                status = 15: one(Status);
                flags = 16: fixed32;
            }
            part Event {
                time_unix_nano = 1: fixed64;
                name = 2: string;
                attributes = 3: attributes;
                dropped_attributes_count = 4: varint;
            }
            part Link {
                trace_id = 1: id(16);
                span_id = 2: id(8);
                trace_state = 3: string;
                attributes = 4: attributes;
                dropped_attributes_count = 5: varint;
                flags = 6: fixed32;
            }
            part Status {
                message = 2: string;
                code = 3: varint;
            }

            envelope ExportMetricsServiceRequest { resource_metrics = 1: many(ResourceMetrics); }
            envelope ResourceMetrics {
                resource = 1: leading(Resource);
                scope_metrics = 2: many(ScopeMetrics);
                schema_url = 3: string;
            }
            envelope ScopeMetrics {
                scope = 1: leading(InstrumentationScope);
                metrics = 2: many(Metric);
                schema_url = 3: string;
            }
            part Metric {
                name = 1: string;
                description = 2: string;
                unit = 3: string;
                gauge = 5: oneof(one(Gauge));
                sum = 7: oneof(one(Sum));
                histogram = 9: oneof(one(Histogram));
                exponential_histogram = 10: oneof(one(ExponentialHistogram));
                summary = 11: oneof(one(Summary));
                metadata = 12: attributes;
            }
            part Gauge { data_points = 1: many(NumberDataPoint); }
            part Sum {
                data_points = 1: many(NumberDataPoint);
                aggregation_temporality = 2: varint;
                is_monotonic = 3: varint;
            }
            part Histogram {
                data_points = 1: many(HistogramDataPoint);
                aggregation_temporality = 2: varint;
            }
            part ExponentialHistogram {
                data_points = 1: many(ExponentialHistogramDataPoint);
                aggregation_temporality = 2: varint;
            }
            part Summary { data_points = 1: many(SummaryDataPoint); }
            item NumberDataPoint {
                start_time_unix_nano = 2: fixed64;
                time_unix_nano = 3: fixed64;
                as_double = 4: oneof(fixed64);
                exemplars = 5: many(Exemplar);
                as_int = 6: oneof(fixed64);
                attributes = 7: attributes;
                flags = 8: varint;
            }
            item HistogramDataPoint {
                start_time_unix_nano = 2: fixed64;
                time_unix_nano = 3: fixed64;
                count = 4: fixed64;
                sum = 5: fixed64;
                bucket_counts = 6: packed(fixed64);
                bucket_counts = 6: unpacked(fixed64);
                explicit_bounds = 7: packed(fixed64);
                explicit_bounds = 7: unpacked(fixed64);
                exemplars = 8: many(Exemplar);
                attributes = 9: attributes;
                flags = 10: varint;
                min = 11: fixed64;
                max = 12: fixed64;
            }
            item ExponentialHistogramDataPoint {
                attributes = 1: attributes;
                start_time_unix_nano = 2: fixed64;
                time_unix_nano = 3: fixed64;
                count = 4: fixed64;
                sum = 5: fixed64;
                scale = 6: varint;
                zero_count = 7: fixed64;
                positive = 8: one(Buckets);
                negative = 9: one(Buckets);
                flags = 10: varint;
                exemplars = 11: many(Exemplar);
                min = 12: fixed64;
                max = 13: fixed64;
                zero_threshold = 14: fixed64;
            }
            part Buckets {
                offset = 1: varint;
                bucket_counts = 2: packed(varint);
                bucket_counts = 2: unpacked(varint);
            }
            item SummaryDataPoint {
                start_time_unix_nano = 2: fixed64;
                time_unix_nano = 3: fixed64;
                count = 4: fixed64;
                sum = 5: fixed64;
                quantile_values = 6: many(ValueAtQuantile);
                attributes = 7: attributes;
                flags = 8: varint;
            }
            part ValueAtQuantile {
                quantile = 1: fixed64;
                value = 2: fixed64;
            }
            part Exemplar {
                time_unix_nano = 2: fixed64;
                as_double = 3: oneof(fixed64);
                span_id = 4: id(8);
                trace_id = 5: id(16);
                as_int = 6: oneof(fixed64);
                filtered_attributes = 7: attributes;
            }

            envelope ExportLogsServiceRequest { resource_logs = 1: many(ResourceLogs); }
            envelope ResourceLogs {
                resource = 1: leading(Resource);
                scope_logs = 2: many(ScopeLogs);
                schema_url = 3: string;
            }
            envelope ScopeLogs {
                scope = 1: leading(InstrumentationScope);
                log_records = 2: many(LogRecord);
                schema_url = 3: string;
            }
            item LogRecord {
                time_unix_nano = 1: fixed64;
                severity_number = 2: varint;
                severity_text = 3: string;
                body = 5: body;
                attributes = 6: attributes;
                dropped_attributes_count = 7: varint;
                flags = 8: fixed32;
                trace_id = 9: id(16);
                span_id = 10: id(8);
                observed_time_unix_nano = 11: fixed64;
                event_name = 12: string;
            }

            part Resource {
                attributes = 1: attributes;
                dropped_attributes_count = 2: varint;
                entity_refs = 3: many(EntityRef);
            }
            part EntityRef {
                schema_url = 1: string;
                r#type = 2: string;
                id_keys = 3: strings;
                description_keys = 4: strings;
            }
            part InstrumentationScope {
                name = 1: string;
                version = 2: string;
                attributes = 3: attributes;
                dropped_attributes_count = 4: varint;
            }
            pair KeyValue {
                key = 1: string;
                value = 2: one(AnyValue);
                key_strindex = 3: varint;
            }
            level AnyValue {
                string_value = 1: oneof(string);
                bool_value = 2: oneof(varint);
                int_value = 3: oneof(varint);
                double_value = 4: oneof(fixed64);
                array_value = 5: oneof(one(ArrayValue));
                kvlist_value = 6: oneof(one(KeyValueList));
                bytes_value = 7: oneof(bytes);
                string_value_strindex = 8: oneof(varint);
            }
            part ArrayValue { values = 1: many(AnyValue); }
            part KeyValueList { values = 1: many(KeyValue); }
        }
    };
}

pub(crate) use schema;
