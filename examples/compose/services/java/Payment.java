import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;

/**
 * Payment: {@code GET /pay} takes the money, unless the look for fraud says no. OpenTelemetry's SDK for Java, which reads
 * the standard variables.
 *
 * <p>The look for fraud has a Zipkin client, which does not know the W3C header {@code traceparent}. With
 * OTEL_PROPAGATORS=tracecontext,b3 the context leaves in Zipkin's header {@code b3} as well, and the trace goes on there.
 */
class Payment {
  static final AttributeKey<Long> STATUS = AttributeKey.longKey("http.response.status_code");
  static final Attributes SERVED = Attributes.builder()
      .put("http.request.method", "GET").put("http.route", "/pay").put("url.scheme", "http").build();
  static final Attributes ASKED = Attributes.builder()
      .put("http.request.method", "GET").put("server.address", "fraud").put("url.path", "/check").build();

  static final OpenTelemetry telemetry = AutoConfiguredOpenTelemetrySdk.initialize().getOpenTelemetrySdk();
  static final Tracer tracer = telemetry.getTracer("payment");
  static final Logger log = telemetry.getLogsBridge().get("payment");
  static final DoubleHistogram duration = telemetry.getMeter("payment")
      .histogramBuilder("http.server.request.duration").setUnit("s").setDescription("How long requests take.")
      .setExplicitBucketBoundariesAdvice(List.of(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)).build();
  static final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();

  public static void main(String[] arguments) throws IOException {
    HttpServer server = Web.server("127.0.0.1:8004");
    server.createContext("/pay", Payment::pay);
    // The SDK flushes at the end of the process by itself.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(0)));
    server.start();
  }

  static void pay(HttpExchange exchange) throws IOException {
    long began = System.nanoTime();
    long order = Web.order(exchange);
    Context parent = telemetry.getPropagators().getTextMapPropagator().extract(Context.current(), exchange, HEADERS);
    Span span = tracer.spanBuilder("GET /pay").setParent(parent).setSpanKind(SpanKind.SERVER).setAllAttributes(SERVED)
        .setAttribute("order", order).startSpan();
    int status = 503;
    String said = "{\"paid\": false, \"reason\": \"nobody looked for fraud\"}";
    try (Scope scope = span.makeCurrent()) {
      if (isFraud(order)) {
        status = 402;
        said = "{\"paid\": false, \"reason\": \"fraud\"}";
        log.logRecordBuilder().setSeverity(Severity.WARN).setBody("order " + order + " looks like fraud").emit();
      } else {
        status = 200;
        said = "{\"paid\": true}";
        log.logRecordBuilder().setSeverity(Severity.INFO).setBody("order " + order + " is paid").emit();
      }
    } catch (IOException | InterruptedException error) {
      span.recordException(error);
      span.setStatus(StatusCode.ERROR);
    } finally {
      span.setAttribute(STATUS, (long) status);
      // Within the span's scope, so that its identifiers become the exemplar.
      try (Scope scope = span.makeCurrent()) {
        duration.record((System.nanoTime() - began) / 1e9, SERVED.toBuilder().put(STATUS, (long) status).build());
      }
      span.end();
    }
    Web.answer(exchange, status, said);
  }

  static boolean isFraud(long order) throws IOException, InterruptedException {
    Span span = tracer.spanBuilder("GET fraud").setSpanKind(SpanKind.CLIENT).setAllAttributes(ASKED).startSpan();
    try (Scope scope = span.makeCurrent()) {
      URI uri = URI.create("http://" + System.getenv("FRAUD") + "/check?order=" + order);
      HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(5));
      telemetry.getPropagators().getTextMapPropagator().inject(Context.current(), request, HttpRequest.Builder::header);
      HttpResponse<String> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
      span.setAttribute(STATUS, (long) answer.statusCode());
      return answer.body().contains("true");
    } finally {
      span.end();
    }
  }

  static final TextMapGetter<HttpExchange> HEADERS = new TextMapGetter<>() {
    @Override
    public Iterable<String> keys(HttpExchange exchange) {
      return exchange.getRequestHeaders().keySet();
    }

    @Override
    public String get(HttpExchange exchange, String key) {
      return exchange == null ? null : exchange.getRequestHeaders().getFirst(key);
    }
  };
}
