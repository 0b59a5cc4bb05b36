import brave.Span;
import brave.Tracer;
import brave.Tracing;
import brave.handler.SpanHandler;
import brave.propagation.B3SingleFormat;
import brave.propagation.TraceContext;
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.Closeable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import zipkin2.reporter.AsyncReporter;
import zipkin2.reporter.Encoding;
import zipkin2.reporter.SpanBytesEncoder;
import zipkin2.reporter.brave.AsyncZipkinSpanHandler;
import zipkin2.reporter.brave.ZipkinSpanHandler;
import zipkin2.reporter.urlconnection.URLConnectionSender;

/**
 * Follows a story with Brave and reports every span to each target with zipkin-reporter.
 *
 * <p>Arguments: JSON_V1, THRIFT, JSON_V2 or PROTO3, and JSON {service, wide, spans, targets}. Prints the identifiers by
 * span name.
 */
@SuppressWarnings("deprecation")
class Send {
  public static void main(String[] arguments) throws Exception {
    SpanBytesEncoder encoder = SpanBytesEncoder.valueOf(arguments[0]);
    JsonObject story = JsonParser.parseString(arguments[1]).getAsJsonObject();
    String service = story.get("service").getAsString();

    List<Closeable> open = new ArrayList<>();
    Map<String, Object> ids = new LinkedHashMap<>();
    Tracing.Builder builder = Tracing.newBuilder()
        .localServiceName(service).localIp("192.0.2.1").localPort(40001)
        .traceId128Bit(story.get("wide").getAsBoolean()).supportsJoin(true);
    for (JsonElement target : story.getAsJsonArray("targets")) {
      builder.addSpanHandler(handler(encoder, target.getAsJsonObject().get("port").getAsInt(), open));
    }
    try (Tracing tracing = builder.build()) {
      Tracer tracer = tracing.tracer();
      Map<String, TraceContext> contexts = new LinkedHashMap<>();
      for (JsonElement each : story.getAsJsonArray("spans")) {
        JsonObject told = each.getAsJsonObject();
        Span span = start(tracer, told, contexts);
        contexts.put(told.get("name").getAsString(), span.context());
        record(span, told);
        Map<String, String> id = new LinkedHashMap<>();
        id.put("trace", span.context().traceIdString());
        id.put("span", span.context().spanIdString());
        id.put("parent", span.context().parentIdString());
        ids.put(told.get("name").getAsString(), id);
      }
    }
    for (Closeable one : open) one.close();
    System.out.println(new Gson().toJson(ids));
  }

  static SpanHandler handler(SpanBytesEncoder encoder, int port, List<Closeable> open) {
    boolean first = encoder == SpanBytesEncoder.JSON_V1 || encoder == SpanBytesEncoder.THRIFT;
    URLConnectionSender sender = URLConnectionSender.newBuilder()
        .endpoint("http://127.0.0.1:" + port + (first ? "/api/v1/spans" : "/api/v2/spans"))
        .encoding(encoder.encoding()).compressionEnabled(encoder.encoding() != Encoding.PROTO3)
        .build();
    if (first) {
      AsyncReporter<zipkin2.Span> reporter = AsyncReporter.builder(sender).closeTimeout(20, TimeUnit.SECONDS)
          .build(encoder);
      open.add(reporter::flush);
      open.add(reporter);
      open.add(sender);
      return ZipkinSpanHandler.create(reporter);
    }
    AsyncZipkinSpanHandler handler = AsyncZipkinSpanHandler.newBuilder(sender).closeTimeout(20, TimeUnit.SECONDS)
        .build();
    open.add(handler::flush);
    open.add(handler);
    open.add(sender);
    return handler;
  }

  static Span start(Tracer tracer, JsonObject told, Map<String, TraceContext> contexts) {
    if (!told.has("parent")) {
      // As a proxy's header would ask for it.
      return told.has("debug")
          ? tracer.nextSpan(B3SingleFormat.parseB3SingleFormat("d"))
          : tracer.newTrace();
    }
    TraceContext parent = contexts.get(told.get("parent").getAsString());
    if (!told.has("shared")) return tracer.newChild(parent);
    // The server's half of the client's span, as if its headers had arrived over a wire.
    return tracer.joinSpan(B3SingleFormat.parseB3SingleFormat(B3SingleFormat.writeB3SingleFormat(parent)).context());
  }

  static void record(Span span, JsonObject told) {
    span.name(told.get("name").getAsString());
    if (told.has("kind")) span.kind(Span.Kind.valueOf(told.get("kind").getAsString().toUpperCase(Locale.ROOT)));
    long start = told.get("start").getAsLong();
    span.start(start);
    if (told.has("remote")) {
      JsonObject remote = told.getAsJsonObject("remote");
      span.remoteServiceName(remote.get("service").getAsString());
      span.remoteIpAndPort(remote.get("ip").getAsString(), remote.get("port").getAsInt());
    }
    if (told.has("tags")) {
      told.getAsJsonObject("tags").entrySet().forEach(tag -> span.tag(tag.getKey(), tag.getValue().getAsString()));
    }
    if (told.has("error")) span.error(new IllegalStateException(told.get("error").getAsString()));
    if (told.has("events")) {
      for (JsonElement event : told.getAsJsonArray("events")) {
        JsonObject each = event.getAsJsonObject();
        span.annotate(each.get("at").getAsLong(), each.get("name").getAsString());
      }
    }
    span.finish(start + told.get("duration").getAsLong());
  }
}
