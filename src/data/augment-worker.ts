/** A worker thread that augments. */
import { workerData } from "node:worker_threads";
import { work, type Crew } from "./augment-crew.ts";

work(workerData as Crew);
