import io.opentelemetry.sdk.extension.trace.jaeger.sampler.JaegerRemoteSampler;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.time.Duration;

/**
 * Lets OpenTelemetry's remote sampler for Jaeger ask over gRPC, and prints what it made of the answer.
 *
 * <p>Arguments: service, port.
 */
class Sample {
  public static void main(String[] arguments) throws Exception {
    try (JaegerRemoteSampler sampler = JaegerRemoteSampler.builder()
        .setServiceName(arguments[0]).setEndpoint("http://127.0.0.1:" + arguments[1])
        .setPollingInterval(Duration.ofMillis(100)).setInitialSampler(Sampler.alwaysOff()).build()) {
      String first = sampler.getDescription();
      long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
      while (sampler.getDescription().equals(first)) {
        if (System.nanoTime() > deadline) throw new AssertionError("no strategy");
        Thread.sleep(10);
      }
      System.out.println(sampler.getDescription());
    }
  }
}
