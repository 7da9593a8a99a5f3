/** Who the telemetry is of, in OpenTelemetry's attributes. */
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources';

/** What is known of the application; fits `Application` of the configuration. */
export interface TelemetrySubject {
  readonly name: string;
  readonly id?: string;
  readonly space?: string;
  readonly spaceId?: string;
  readonly organization?: string;
  readonly organizationId?: string;
  readonly instanceIndex: number;
}

/** `service.instance.id` is the index: after a restart an instance goes on with its time series. */
export function telemetryResource(subject: TelemetrySubject): Resource {
  const known = {
    'service.name': subject.name,
    'service.instance.id': String(subject.instanceIndex),
    'cloudfoundry.app.id': subject.id,
    'cloudfoundry.app.instance.id': subject.id && String(subject.instanceIndex),
    'cloudfoundry.space.name': subject.space,
    'cloudfoundry.space.id': subject.spaceId,
    'cloudfoundry.org.name': subject.organization,
    'cloudfoundry.org.id': subject.organizationId,
  };
  return resourceFromAttributes(
    Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
  );
}
