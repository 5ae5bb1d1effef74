// Types of protos/grpc/reflection/v1alpha/reflection.proto, written by scripts/generate-contracts.ts.
import type { Duplex } from '../../../message-forms.ts';

/** Answers questions about the services of this server and the types they use. */
export interface ServerReflection {
  ServerReflectionInfo: Duplex<ServerReflectionRequest, ServerReflectionResponse>;
}

/** One question; the answer repeats it. */
export interface ServerReflectionRequest {
  host: string;
  fileByFilename?: string;
  messageRequest?: 'fileByFilename' | 'fileContainingSymbol' | 'fileContainingExtension' | 'allExtensionNumbersOfType' | 'listServices';
  fileContainingSymbol?: string;
  fileContainingExtension?: ExtensionRequest | null;
  allExtensionNumbersOfType?: string;
  listServices?: string;
}

/** An extension by the message that it extends. */
export interface ExtensionRequest {
  containingType: string;
  extensionNumber: number;
}

/** The answer to one question. */
export interface ServerReflectionResponse {
  validHost: string;
  originalRequest: ServerReflectionRequest | null;
  fileDescriptorResponse?: FileDescriptorResponse | null;
  messageResponse?: 'fileDescriptorResponse' | 'allExtensionNumbersResponse' | 'listServicesResponse' | 'errorResponse';
  allExtensionNumbersResponse?: ExtensionNumberResponse | null;
  listServicesResponse?: ListServiceResponse | null;
  errorResponse?: ErrorResponse | null;
}

/** Serialized google.protobuf.FileDescriptorProto, each file before those that it imports. */
export interface FileDescriptorResponse {
  fileDescriptorProto: Buffer[];
}

/** The numbers of a type's extensions. */
export interface ExtensionNumberResponse {
  baseTypeName: string;
  extensionNumber: number[];
}

/** Every service that is served. */
export interface ListServiceResponse {
  service: ServiceResponse[];
}

/** One of them, by its full name. */
export interface ServiceResponse {
  name: string;
}

/** A question that has no answer. */
export interface ErrorResponse {
  errorCode: number;
  errorMessage: string;
}
