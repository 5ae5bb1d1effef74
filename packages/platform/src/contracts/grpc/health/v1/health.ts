// Types of protos/grpc/health/v1/health.proto, written by scripts/generate-contracts.ts.
import type { ServerStream, Unary } from '../../../message-forms.ts';

/** Tells whether a service is served; the empty name means the daemon as a whole. */
export interface Health {
  Check: Unary<HealthCheckRequest, HealthCheckResponse>;
  List: Unary<HealthListRequest, HealthListResponse>;
  Watch: ServerStream<HealthCheckRequest, HealthCheckResponse>;
}

/** Names the service to ask about. */
export interface HealthCheckRequest {
  service: string;
}

/** Whether the service answers; Watch reports an unknown name as SERVICE_UNKNOWN. */
export interface HealthCheckResponse {
  status: HealthCheckResponseServingStatus;
}

/** The state of a service. */
export type HealthCheckResponseServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

/** Asks about every service. */
export type HealthListRequest = Record<string, never>;

/** The state of every service by its name. */
export interface HealthListResponse {
  statuses: Record<string, HealthCheckResponse>;
}
